/* An external TFLite delegate for tests, as libedgetpu is one; its options say what it does and how it fails.
 *
 * No header of TFLite is installed with either runtime, so the structs are declared by hand: what is used of them is
 * laid out alike in tflite-runtime 2.14 and LiteRT 2.3 (read from both in memory). Options:
 *
 *   take=CODE      takes every op with this builtin code (22 RESHAPE, 32 custom ops); take=all, take=none
 *   create=null    refuses to start, with a reason; create=silent without one; create=crash
 *   prepare=crash  dies of SIGSEGV while it is asked which ops it takes; prepare=error fails there
 *   invoke=crash   dies in the first inference; invoke=error fails there; invoke=wrong answers wrongly; invoke=hang
 *   cold_ms=N      the first inference takes N milliseconds more, as an Edge TPU's does, which loads the weights
 *   each_ms=N      every inference takes N milliseconds more
 *   device=usb|pci|:N   what libedgetpu takes: with it any other device is refused
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct Context Context;
typedef struct Delegate Delegate;
typedef struct { IntArray *inputs, *outputs; } Node;

/* 112 bytes in both runtimes. */
typedef struct { int type; char *data; IntArray *dims; float scale; int zero_point; int allocation; size_t bytes;
                 void *rest[8]; } Tensor;

/* Longer than either runtime's own, and zero behind what is known: it is handed over by value. TensorFlow 2.5's ended
 * with the version, and so does that of Coral's stock libedgetpu: the runtimes of today read on behind it. */
typedef struct {
    void *(*init)(Context *, const char *, size_t);
    void (*free)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling_string)(const Context *, const Node *);
    int builtin_code;
    const char *custom_name;
    int version;
    void *later[8];
} Registration;

struct Context {
    size_t tensors_size;
    int (*execution_plan)(Context *, IntArray **);
    Tensor *tensors;
    void *impl;
    void *resize_tensor;
    void (*report_error)(Context *, const char *, ...);
    void *add_tensors;
    int (*node_and_registration)(Context *, int, Node **, Registration **);
    int (*replace_node_subsets)(Context *, Registration, const IntArray *, Delegate *);
};

struct Delegate {
    void *data;
    int (*prepare)(Context *, Delegate *);
    void *copy_from, *copy_to, *free_handle;
    int64_t flags;
    void *later[4];
};

enum { ALL = -1, NONE = -2 };
static struct { int take, cold_ms, each_ms; const char *create, *prepare, *invoke; } asked;

static int is(const char *value, const char *wanted) { return value && strcmp(value, wanted) == 0; }

static int kernel_prepare(Context *context, Node *node) { (void)context; (void)node; return 0; }

/* Copies the input to the output: right for RESHAPE, and what the stand-in of a compiled op answers. */
static int kernel_invoke(Context *context, Node *node) {
    Tensor *from = &context->tensors[node->inputs->data[0]], *to = &context->tensors[node->outputs->data[0]];
    if (is(asked.invoke, "crash")) raise(SIGSEGV);
    if (is(asked.invoke, "hang")) pause();
    if (is(asked.invoke, "error")) { context->report_error(context, "the device went away"); return 1; }
    usleep((asked.cold_ms + asked.each_ms) * 1000);
    asked.cold_ms = 0;
    memcpy(to->data, from->data, from->bytes < to->bytes ? from->bytes : to->bytes);
    if (is(asked.invoke, "wrong")) for (size_t i = 0; i < to->bytes; i++) to->data[i] ^= 0x7f;
    return 0;
}

static int delegate_prepare(Context *context, Delegate *self) {
    if (is(asked.prepare, "crash")) raise(SIGSEGV);
    if (is(asked.prepare, "error")) { context->report_error(context, "it wants another runtime"); return 1; }
    IntArray *plan;
    if (context->execution_plan(context, &plan)) return 1;
    IntArray *taken = calloc(plan->size + 1, sizeof(int));
    for (int i = 0; i < plan->size; i++) {
        Node *node;
        Registration *registration;
        if (context->node_and_registration(context, plan->data[i], &node, &registration)) return 1;
        if (asked.take == ALL || registration->builtin_code == asked.take) taken->data[taken->size++] = plan->data[i];
    }
    Registration kernel;
    memset(&kernel, 0, sizeof kernel);
    kernel.prepare = kernel_prepare;
    kernel.invoke = kernel_invoke;
    kernel.custom_name = "test-delegate";
    kernel.version = 1;
#ifdef TENSORFLOW_2_5
    /* A library that old hands over a structure without `later`, and today's runtimes read what lies behind it. That
       may be zeros by chance, and then nothing happens: so that the test does not hang on it, it is something here. */
    memset(kernel.later, 0x5a, sizeof kernel.later);
#endif
    int status = taken->size ? context->replace_node_subsets(context, kernel, taken, self) : 0;
    free(taken);
    return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    asked.take = 32;
    for (size_t i = 0; i < count; i++) {
        const char *value = strdup(values[i]);
        if (is(keys[i], "take")) asked.take = is(value, "all") ? ALL : is(value, "none") ? NONE : atoi(value);
        if (is(keys[i], "create")) asked.create = value;
        if (is(keys[i], "prepare")) asked.prepare = value;
        if (is(keys[i], "invoke")) asked.invoke = value;
        if (is(keys[i], "cold_ms")) asked.cold_ms = atoi(value);
        if (is(keys[i], "each_ms")) asked.each_ms = atoi(value);
        if (is(keys[i], "device") && !is(value, "usb")) return NULL; /* "the only device" is on USB */
    }
    if (is(asked.create, "crash")) raise(SIGILL);
    if (is(asked.create, "null")) report("no such device: out of order");
    if (is(asked.create, "null") || is(asked.create, "silent")) return NULL;
    Delegate *delegate = calloc(1, sizeof *delegate);
    delegate->prepare = delegate_prepare;
    delegate->flags = 1; /* allows dynamic tensors: else the runtime prepares all ops first, and fails on custom ones */
    return delegate;
}

/* What doctor asks libedgetpu besides (edgetpu_c.h). */
typedef struct { int kind; const char *path; } Device;

const char *edgetpu_version(void) { return "BuildLabel(a test's), RuntimeVersion(14)"; }

Device *edgetpu_list_devices(size_t *count) {
    static Device devices[] = {{1, "/sys/bus/usb/devices/2-1"}};
    *count = 1;
    return devices;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
