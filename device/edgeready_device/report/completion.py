"""Writes the scripts that complete a command's words in bash, zsh and fish, from a description of the command.

A script holds every word, so that a key press starts no Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHELLS = ("bash", "zsh", "fish")
_MOST_HELP = 60  # chosen: with its flag a line of 80 columns


@dataclass(frozen=True)
class OptionWords:
    """An option: its flags, what it does, and the values that it can have, if they are few."""

    flags: tuple[str, ...]
    help: str = ""
    takes_value: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class VerbWords:
    """A verb of a command: what it does, its options, and the words that its argument can be, if these are few."""

    help: str
    options: tuple[OptionWords, ...]
    values: tuple[str, ...] = ()


def completion_script(shell: str, program: str, verbs: Mapping[str, VerbWords]) -> str:
    """Returns the script for `shell`, one of SHELLS, that completes `program` and its `verbs`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](program, verbs)


def _bash(program: str, verbs: Mapping[str, VerbWords]) -> str:
    name = _function(program)
    cases, values = [], []
    for verb, words in verbs.items():
        flags = [flag for option in words.options for flag in option.flags]
        cases.append(f"        {verb}) words={_quote(' '.join(flags))} values={_quote(' '.join(words.values))} ;;")
        for option in words.options:
            pattern = " | ".join(f"{verb}:{flag}" for flag in option.flags)
            if option.values:
                values.append(f"        {pattern}) values={_quote(' '.join(option.values))} cur_is_value=1 ;;")
            elif option.takes_value:
                values.append(f"        {pattern}) return ;;  # a file, or what only the user knows")
    return "\n".join(
        [
            f"# bash completion of {program}: source it, or put it into bash-completion's folder as {program}",
            f"{name}() {{",
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}",
            "    local verb='' word words='' values='' cur_is_value=''",
            '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
            f"        case $word in {' | '.join(verbs)}) verb=$word; break ;; esac",
            "    done",
            "    COMPREPLY=()",
            "    case $verb in",
            f"        '') words={_quote(' '.join([*verbs, '--help', '--version']))} values=$words ;;",
            *cases,
            "    esac",
            "    case $verb:$prev in",
            *values,
            "    esac",
            "    if [[ -n $cur_is_value || ( $cur != -* && -n $values ) ]]; then words=$values",
            "    elif [[ $cur != -* ]]; then return; fi  # readline completes names of files",
            '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
            "}",
            f"complete -o default -F {name} {program}",
            "",
        ]
    )


def _zsh(program: str, verbs: Mapping[str, VerbWords]) -> str:
    name = _function(program)
    cases = []
    for verb, words in verbs.items():
        argument = f"*:value:({' '.join(words.values)})" if words.values else "*:file:_files"
        specs = [_quote(argument)]
        for option in words.options:
            for flag in option.flags:
                action = f":value:({' '.join(option.values)})" if option.values else ":value:_files"
                specs.append(_quote(f"{flag}[{_zsh_text(option.help)}]{action if option.takes_value else ''}"))
        cases.append(f"    {verb}) _arguments -S {' '.join(specs)} ;;")
    return "\n".join(
        [
            f"#compdef {program}",
            f"{name}() {{",
            "  local -a verbs",
            f"  verbs=({' '.join(_quote(verb + ':' + _zsh_text(words.help)) for verb, words in verbs.items())})",
            "  local verb='' word",
            '  for word in "${(@)words[2,CURRENT-1]}"; do',
            f"    case $word in ({'|'.join(verbs)}) verb=$word; break ;; esac",
            "  done",
            "  case $verb in",
            "    '') _describe command verbs; _arguments '--help[show the help]' '--version[print the version]' ;;",
            *cases,
            "  esac",
            "}",
            f'if [ "$funcstack[1]" = "{name}" ]; then {name} "$@"; else compdef {name} {program}; fi',
            "",
        ]
    )


def _fish(program: str, verbs: Mapping[str, VerbWords]) -> str:
    lines = [f"# fish completion of {program}: source it, or put it into fish's completions as {program}.fish"]
    no_verb = f"not __fish_seen_subcommand_from {' '.join(verbs)}"
    start = f"complete -c {program} -n {_fish_quote(no_verb)}"
    lines += [f"{start} -f -a {verb} -d {_fish_quote(_short(words.help))}" for verb, words in verbs.items()]
    lines += [f"{start} -l help -d 'show the help'", f"{start} -l version -d 'print the version'"]
    for verb, words in verbs.items():
        start = f"complete -c {program} -n {_fish_quote(f'__fish_seen_subcommand_from {verb}')}"
        if words.values:
            lines.append(f"{start} -f -a {_fish_quote(' '.join(words.values))}")
        for option in words.options:
            flags = " ".join(f"-{'l' if flag.startswith('--') else 's'} {flag.lstrip('-')}" for flag in option.flags)
            value = f" -x -a {_fish_quote(' '.join(option.values))}" if option.values else " -r"
            help_text = _fish_quote(_short(option.help))
            lines.append(f"{start} {flags}{value if option.takes_value else ''} -d {help_text}")
    return "\n".join([*lines, ""])


def _function(program: str) -> str:
    return "_" + program.replace("-", "_")


def _short(text: str) -> str:
    """The first words of a help text, in one line."""
    first = re.split(r"[;:(]| - ", " ".join(text.split()), maxsplit=1)[0].strip().rstrip(".,")
    return first if len(first) <= _MOST_HELP else first[: _MOST_HELP - 3].rsplit(" ", 1)[0] + "..."


def _zsh_text(text: str) -> str:
    return re.sub(r"([\[\]:\\])", r"\\\1", _short(text))


def _quote(text: str) -> str:
    """Quotes for bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def all_values(values: Iterable[object] | None) -> tuple[str, ...]:
    """Returns the choices of an option as words."""
    return tuple(map(str, values or ()))
