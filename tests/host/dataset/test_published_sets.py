"""Public image sets as they unpack: read rightly, or refused with what was seen and what to do."""

import pytest

from edgeready.errors import DatasetError
from edgeready_device.image_sets.layout import read_layout, read_test_layout


def classes(place, *names, suffix="jpg"):
    """Two images in each folder of a class below `place`."""
    return {f"{place}{name}/{name}_{number}.{suffix}": "" for name in names for number in (0, 1)}


def files(place, *names):
    return {f"{place}{name}": "" for name in names}


def parts(names, *members, place=""):
    return {path: "" for name in names for path in classes(f"{place}{name}/", *members)}


WNIDS = ("n01443537", "n01629819")
TINY_IMAGENET = {
    f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{number}.JPEG": "" for wnid in WNIDS for number in (0, 1)
}
HAM = "lesion_id,image_id,dx,age\nH1,ISIC_1,bkl,80\nH2,ISIC_2,nv,80\nH3,ISIC_3,bkl,80\nH4,ISIC_4,nv,80\n"
HAM_IMAGES = {
    **files("HAM10000_images_part_1/", "ISIC_1.jpg", "ISIC_2.jpg"),
    **files("HAM10000_images_part_2/", "ISIC_3.jpg", "ISIC_4.jpg"),
}
LINES = '{"file_name": "1.png", "label": "cat"}\n\n{"file_name": "2.png", "label": "dog", "boxes": [1]}\n'
DOGS_VS_CATS = files("train/", "cat.0.jpg", "cat.1.jpg", "dog.0.jpg", "dog.1.jpg")

# name: files, classes, images of training, validation and test, and what a note has
READ = {
    "Dogs vs. Cats": (
        {**DOGS_VS_CATS, **files("test1/", "1.jpg", "2.jpg"), "sampleSubmission.csv": "id,label\n1,0.5\n2,0.5\n"},
        (("cat", "dog"), 4, 0, 0),
        ("the names of the images say their classes (cat, dog), up to the first point", "test1: 2 images without"),
    ),
    "Edge Impulse": (
        {
            **files("training/", "cat.a.x1.jpg", "cat.b.x2.jpg", "dog.c.x3.jpg", "dog.d.x4.jpg"),
            **files("testing/", "cat.e.x5.jpg", "dog.f.x6.jpg"),
            "info.labels": "{}",
        },
        (("cat", "dog"), 4, 0, 2),
        ("up to the first point", "1 .labels"),
    ),
    "Intel scenes": (
        {**parts(("seg_train/seg_train", "seg_test/seg_test"), "forest", "sea"), "seg_pred/seg_pred/1.jpg": ""},
        (("forest", "sea"), 4, 0, 4),
        ("seg_pred: 1 images without labels",),
    ),
    "chest x-ray": (
        {**parts(("train", "val", "test"), "NORMAL", "PNEUMONIA", place="chest_xray/"), "__MACOSX/._a.jpeg": ""},
        (("NORMAL", "PNEUMONIA"), 4, 4, 4),
        (),
    ),
    "Stanford Dogs": (
        {**classes("Images/", "n02085620-Chihuahua", "n02085782-Spaniel"), "Annotation/n02085620-Chihuahua/1": ""},
        (("n02085620-Chihuahua", "n02085782-Spaniel"), 4, 0, 0),
        ("1 file without a suffix",),
    ),
    "Caltech-101": (
        classes("", "BACKGROUND_Google", "accordion", "Faces"),
        (("BACKGROUND_Google", "Faces", "accordion"), 6, 0, 0),
        ("BACKGROUND_Google counts as a class: remove it if",),
    ),
    "Food-101's folder": (
        {
            **classes("images/", "apple_pie", "ramen"),
            "meta/classes.txt": "apple_pie\nramen\n",
            "meta/train.json": "{}",
            "meta/train.txt": "apple_pie/apple_pie_0\nramen/ramen_0\n",
            "meta/test.txt": "apple_pie/apple_pie_1\nramen/ramen_1\n",
        },
        (("apple_pie", "ramen"), 2, 0, 2),
        ("the parts are those of train.txt, test.txt", "1 .json, 1 .txt"),
    ),
    "MIT Indoor 67": (
        {
            **classes("Images/", "bar", "nursery"),
            "TrainImages.txt": "bar/bar_0.jpg\nnursery/nursery_0.jpg\n",
            "TestImages.txt": "bar/bar_1.jpg\n",
        },
        (("bar", "nursery"), 2, 0, 1),
        ("1 images are in none of the lists (TrainImages.txt, TestImages.txt): left out",),
    ),
    "EuroSAT of Kaggle": (
        {
            **classes("", "AnnualCrop", "Forest"),
            "label_map.json": "{}",
            "train.csv": ",Filename,Label,ClassName\n0,AnnualCrop/AnnualCrop_0.jpg,0,AnnualCrop\n"
            "1,Forest/Forest_0.jpg,1,Forest\n",
            "test.csv": ",Filename,Label,ClassName\n0,AnnualCrop/AnnualCrop_1.jpg,0,AnnualCrop\n",
            "validation.csv": ",Filename,Label,ClassName\n0,Forest/Forest_1.jpg,1,Forest\n",
        },
        (("AnnualCrop", "Forest"), 2, 1, 1),
        ("the parts are those of train.csv, validation.csv, test.csv",),
    ),
    "textures (DTD)": (
        {
            **classes("images/", "banded", "woven"),
            **{
                f"labels/{part}{number}.txt": f"{name}/{name}_{number}.jpg\n"
                for part, name in (("train", "banded"), ("test", "woven"))
                for number in (0, 1)
            },
        },
        (("banded", "woven"), 4, 0, 0),
        ("4 .txt",),
    ),
    "CVAT's ImageNet export": (
        {**classes("", "cat", "no_label"), "synsets.txt": "cat\n"},
        (("cat", "no_label"), 4, 0, 0),
        ("no_label counts as a class", "1 .txt"),
    ),
    "Imagenette": (parts(("train", "val"), *WNIDS, place="imagenette2/"), (WNIDS, 4, 4, 0), ()),
    "Tiny ImageNet's training": (TINY_IMAGENET, (WNIDS, 4, 0, 0), ()),
    "CIFAR-10 of Kaggle": (
        {
            **files("train/", "1.png", "2.png"),
            **files("test/", "1.png", "2.png"),
            "trainLabels.csv": "id,label\n1,frog\n2,truck\n",
            "sampleSubmission.csv": "id,label\n1,cat\n2,cat\n",
        },
        (("frog", "truck"), 2, 0, 0),
        ("2 images without a class",),
    ),
    "Cassava": (
        {
            **files("train_images/", "1.jpg", "2.jpg"),
            "test_images/9.jpg": "",
            "train.csv": "image_id,label\n1.jpg,0\n2.jpg,3\n",
            "label_num_to_disease_map.json": "{}",
            "sample_submission.csv": "image_id,label\n9.jpg,4\n",
        },
        (("0", "3"), 2, 0, 0),
        ("1 .csv, 1 .json, 1 image without a class",),
    ),
    "APTOS": (
        {**files("train_images/", "0a.png", "1b.png"), "train.csv": "id_code,diagnosis\n0a,2\n1b,4\n"},
        (("2", "4"), 2, 0, 0),
        (),
    ),
    "plant seedlings": (
        {
            **classes("train/", "Black-grass", "Charlock", suffix="png"),
            "test/1.png": "",
            "sample_submission.csv": "file,species\n1.png,Charlock\n",
        },
        (("Black-grass", "Charlock"), 4, 0, 0),
        ("test: 1 images without labels",),
    ),
    "Roboflow, folders": (
        {**parts(("train", "valid", "test"), "daisy", "rose"), "README.roboflow.txt": ""},
        (("daisy", "rose"), 4, 4, 4),
        ("1 .txt",),
    ),
    "Label Studio": (
        {
            **files("upload/", "1-a.jpg", "2-b.jpg"),
            "project.csv": "annotation_id,choice,id,image\n1,cat,1,/data/1-a.jpg\n2,dog,2,/data/2-b.jpg\n",
        },
        (("cat", "dog"), 2, 0, 0),
        (),
    ),
    "imagefolder, CSV": (
        {**files("", "1.png", "2.png"), "metadata.csv": "file_name,label\n1.png,cat\n2.png,dog\n"},
        (("cat", "dog"), 2, 0, 0),
        (),
    ),
    "imagefolder, JSON lines": (
        {**files("", "1.png", "2.png"), "metadata.jsonl": LINES},
        (("cat", "dog"), 2, 0, 0),
        (),
    ),
    "imagefolder, JSON lines of parts": (
        {
            **files("train/", "1.png", "2.png"),
            **files("test/", "1.png", "2.png"),
            "train/metadata.jsonl": LINES,
            "test/metadata.jsonl": LINES,
        },
        (("cat", "dog"), 2, 0, 2),
        (),
    ),
    "Ultralytics": (parts(("train", "val"), "0", "1", place="mnist160/"), (("0", "1"), 4, 4, 0), ()),
    "brain tumors": (parts(("Training", "Testing"), "glioma", "notumor"), (("glioma", "notumor"), 4, 0, 4), ()),
    "numbered parts": (parts(("train2017", "val2017"), "cat", "dog"), (("cat", "dog"), 4, 4, 0), ()),
    "parts in capitals": (parts(("trainingSet", "testSet"), "0", "1"), (("0", "1"), 4, 0, 4), ()),
}

REFUSED = {
    "rock-paper-scissors": (
        {**parts(("rps", "rps-test-set"), "rock", "paper"), **files("rps-validation/", "rock1.png", "paper1.png")},
        "has 'rps' and 'rps-test-set', which is for the test of it: call them train and test, each with a subfolder",
    ),
    "two folders for the answers": (
        {**DOGS_VS_CATS, "test1/1.jpg": "", "test2/1.jpg": ""},
        "the images in test1, test2, train of '.*' have no class",
    ),
    "GTSRB of Kaggle": (
        {**classes("Train/", "0", "1"), "Test/0.png": "", "Meta/0.png": ""},
        "has 'Meta' beside Train: move it away",
    ),
    "GTSRB": (
        {**classes("GTSRB/Final_Training/Images/", "00000", "00001", suffix="ppm"), "GTSRB/Readme.txt": ""},
        "has only 'GTSRB'; give '.*GTSRB/Final_Training/Images' where 00000, 00001 are its classes",
    ),
    "Oxford-IIIT Pet": (
        {"images/Abyssinian_1.jpg": "", "annotations/trimaps/Abyssinian_1.png": ""},
        "has 'images' beside 'annotations', pictures and what is marked in them",
    ),
    "Oxford Flowers 102": (
        {"jpg/image_00001.jpg": "", "jpg/image_00002.jpg": "", "imagelabels.mat": ""},
        "has only 'jpg'; the 2 images in '.*jpg' need folders, or a CSV file of labels",
    ),
    "UTKFace": (
        files("UTKFace/", "26_1_2_20170116.jpg.chip.jpg", "30_0_1_20170117.jpg.chip.jpg"),
        "the 2 images in '.*UTKFace' need folders, or a CSV",
    ),
    "photos of two cameras": (
        files("", *(f"{name}_{n}.a.jpg" for name in ("IMG", "DSC") for n in (1, 2))),
        "4 images",
    ),
    "Food-101": (
        {**classes("food-101/images/", "apple_pie", "ramen"), "food-101/meta/train.txt": "apple_pie/1\n"},
        "give '.*food-101/images' where apple_pie, ramen are its classes",
    ),
    "chest x-ray, twice": (
        {
            **parts(("train", "test"), "NORMAL", "PNEUMONIA", place="chest_xray/"),
            **parts(("train", "test"), "NORMAL", "PNEUMONIA", place="chest_xray/chest_xray/"),
        },
        "has 'chest_xray' beside train: move it away",
    ),
    "PlantVillage": (
        parts(("color", "grayscale", "segmented"), "Apple___scab", "Corn___healthy"),
        "two folders down .*, and either could be the class",
    ),
    "malaria cells, twice": (
        {
            **classes("cell_images/", "Parasitized", "Uninfected"),
            **classes("cell_images/cell_images/", "Parasitized", "Uninfected"),
        },
        "give '.*cell_images' where Parasitized, Uninfected, cell_images are its classes",
    ),
    "EuroSAT": (classes("2750/", "AnnualCrop", "Forest"), "give '.*2750' where AnnualCrop, Forest are its classes"),
    "CIFAR-10 of Python": (files("cifar-10-batches-py/", "data_batch_1", "batches.meta"), "no .* image, but 1 .meta"),
    "SVHN": (files("", "train_32x32.mat", "test_32x32.mat"), "no .* image, but 2 .mat: unpack or convert them"),
    "WebDataset": (files("", "train-000000.tar", "train-000001.tar"), "no .* image, but 2 .tar: unpack or convert"),
    "Tiny ImageNet": (
        {
            **TINY_IMAGENET,
            "tiny-imagenet-200/val/images/val_0.JPEG": "",
            "tiny-imagenet-200/val/val_annotations.txt": "",
        },
        "the 1 images in '.*val/images' have no class, and those in train have: give val a subfolder for each class",
    ),
    "HAM10000": ({**HAM_IMAGES, "HAM10000_metadata.csv": HAM}, "metadata.csv' has other classes than the folders"),
    "HAM10000, twice": (
        {**HAM_IMAGES, **{f"again/{path}": "" for path in HAM_IMAGES}, "HAM10000_metadata.csv": HAM},
        "again/HAM10000_images_part_1' is called like the class",
    ),
    "HAM10000 under two names": (
        {**HAM_IMAGES, **{path.lower().replace(".jpg", ".png"): "" for path in HAM_IMAGES}, "metadata.csv": HAM},
        "metadata.csv' has other classes than the folders",
    ),
    "a table of links": (
        {
            **files("images/", *(f"{number}.jpg" for number in range(20))),
            "images.csv": "filename,link\n" + "".join(f"{number}.jpg,http://a/{number}\n" for number in range(20)),
        },
        "has the columns filename, link: call the column of labels label",
    ),
    "Roboflow, several labels": (
        {
            "train/1.jpg": "",
            "train/2.jpg": "",
            "train/_classes.csv": "filename, daisy, rose\n1.jpg, 1, 1\n2.jpg, 0, 1\n",
        },
        r"line 2 has 2 classes \(daisy, rose\), and each image is of one",
    ),
    "YOLO": (
        {**files("images/train/", "1.jpg"), **files("images/val/", "2.jpg"), "labels/train/1.txt": "0 .5 .5 .1 .1\n"},
        "the images in train, val of '.*images' have no class",
    ),
    "BreaKHis": (
        {
            f"BreaKHis_v1/histology_slides/breast/{kind}/SOB/{name}/p{number}/40X/{number}.png": ""
            for kind, name in (("benign", "adenosis"), ("malignant", "carcinoma"))
            for number in (0, 1)
        },
        "give '.*BreaKHis_v1/histology_slides/breast' where benign, malignant are its classes",
    ),
    "variants": (parts(("original", "augmented"), "a", "b"), "and either could be the class"),
    "a line that is no JSON": (
        {**files("", "1.png", "2.png"), "metadata.jsonl": '{"file_name": "1.png", "label": "a"}\nb\n'},
        "metadata.jsonl' line 2 is no JSON object: write one for each image in a line",
    ),
    "an empty file of JSON lines": ({"1.png": "", "metadata.jsonl": "\n"}, "metadata.jsonl' is empty: write a JSON"),
    "another label in the test": (
        {**DOGS_VS_CATS, "test/owl.1.jpg": ""},
        "class 'owl' of the images in '.*test' is not in train: add",
    ),
}


def unpack(root, tree):
    for path, content in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


@pytest.mark.parametrize("name", READ)
def test_a_published_set_is_read(tmp_path, name):
    tree, expected, notes = READ[name]
    layout = read_layout(unpack(tmp_path, tree))
    counts = [0 if part is None else len(part.files) for part in (layout.train, layout.validation, layout.test)]
    assert (layout.classes, *counts) == expected
    for note in notes:
        assert note in "; ".join(layout.notes)


@pytest.mark.parametrize("name", REFUSED)
def test_a_published_set_is_refused_with_what_was_seen(tmp_path, name):
    tree, message = REFUSED[name]
    with pytest.raises(DatasetError, match=message):
        read_layout(unpack(tmp_path, tree))


def test_labels_in_names_are_those_of_the_file(tmp_path):
    layout = read_layout(unpack(tmp_path, {**DOGS_VS_CATS, "test1/1.jpg": ""}))
    assert [(file.name, layout.classes[label]) for file, label in zip(layout.train.files, layout.train.labels)] == [
        ("cat.0.jpg", "cat"),
        ("cat.1.jpg", "cat"),
        ("dog.0.jpg", "dog"),
        ("dog.1.jpg", "dog"),
    ]


def test_the_table_of_a_test_may_have_numbers_of_classes(tmp_path):
    tree = {**files("Test/", "0.png", "1.png"), "Test.csv": "Width;ClassId;Path\n9;1;Test/0.png\n8;10;Test/1.png\n"}
    layout = read_test_layout(unpack(tmp_path, tree))
    assert (layout.classes, layout.test.labels) == (("1", "10"), (0, 1))


@pytest.mark.parametrize("name", ["Dogs vs. Cats", "Edge Impulse"])
def test_a_model_is_tested_on_labels_in_names(tmp_path, name):
    layout = read_test_layout(unpack(tmp_path, READ[name][0]))
    tested = "testing" if name == "Edge Impulse" else "train"
    assert layout.classes == ("cat", "dog")
    assert {file.parent.name for file in layout.test.files} == {tested}


def test_the_name_of_the_whole_set_is_no_part(tmp_path):
    root = tmp_path / "test_photos"
    unpack(root, {**files("", "1.png", "2.png"), "labels.csv": "file,label\n1.png,cat\n2.png,dog\n"})
    assert len(read_layout(root).train.files) == 2
