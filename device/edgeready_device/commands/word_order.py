"""Puts a command's words in the order that argparse reads: the verb, its options, then what stands by itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from edgeready_device.errors import UsageError

MODEL_SUFFIX = ".tflite"  # what an option with an optional value leaves to the verb: no camera is called so
_END_OF_OPTIONS = "--"
_OF_NO_VERB = {"-h", "--help", "--version"}  # before the verb they are the command's own


def order_words(words: Sequence[str], verbs: Mapping[str, argparse.ArgumentParser]) -> list[str]:
    """Returns `words` with the first of `verbs` in front, then its options with their values, then the rest.

    Only options may stand before the verb: any other first word is a verb that there is not.

    argparse takes all that stands by itself at once, and so refuses `classify MODEL --top 1 IMAGE`.
    """
    position = next((i for i, word in enumerate(words) if word in verbs), None)
    before = words[:position]
    if position is None or (before and (not before[0].startswith("-") or not _OF_NO_VERB.isdisjoint(before))):
        return list(words)
    verb = words[position]
    return [verb, *_options_first([*before, *words[position + 1 :]], verbs[verb])]


def _options_first(words: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Returns the options of `parser` with their values, then `--` and the words that stand by themselves."""
    options: list[str] = []
    names: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == _END_OF_OPTIONS:
            names += waiting
            break
        if not word.startswith("-") or word == "-":  # which is standard input
            names.append(word)
            continue
        options.append(word)
        count = 0 if "=" in word or not waiting else _value_count(parser, word, waiting[0])
        options += waiting[:count]
        del waiting[:count]
    return [*options, _END_OF_OPTIONS, *names] if names else options


def _value_count(parser: argparse.ArgumentParser, option: str, value: str) -> int:
    """How many of the words that follow `option`, the first of which is `value`, are its own."""
    actions = parser._option_string_actions
    matches = (
        [actions[option]] if option in actions else [actions[name] for name in actions if name.startswith(option)]
    )
    if not matches:  # argparse names it
        return 0
    if matches[0].nargs == argparse.OPTIONAL:
        return int(not value.startswith("-") and not value.endswith(MODEL_SUFFIX))
    return matches[0].nargs if isinstance(matches[0].nargs, int) else int(matches[0].nargs is None)


def refuse_empty_words(words: Sequence[str]) -> None:
    """Raises UsageError for an empty word, which would be read as the current folder, where a path is expected."""
    for number, word in enumerate(words, 1):
        name, equals, value = word.partition("=")
        if not word or (name.startswith("--") and equals and not value):
            what = f"the value of {name}" if word else f"word {number} of the command"
            raise UsageError(f"{what} is empty: is the variable set that it comes from?")
