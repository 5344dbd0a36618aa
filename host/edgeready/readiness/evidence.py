"""What a rule knows: the largest example that a compiler mapped, and the smallest that it refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Outlook = Literal["mapped", "uncertain", "refused"]

FILE = "compiled files"
LOG = "compiler logs"
UNDATED = "not recorded"
V16 = "16.0"
V15 = "15.0"


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A thing that a compiler mapped or refused.

    `what` describes it, `compiler` is the version that did it (UNDATED where it is not known), `source` the kind of
    public record: compiled files, compiler logs, or a report to Google by its number. `size` is the number that the
    rule compares, where it compares one.
    """

    what: str
    compiler: str
    source: str
    size: int | None = None

    def text(self) -> str:
        """The observation as one phrase for the manual."""
        compiler = "" if self.compiler == UNDATED else f", compiler {self.compiler}"
        return f"{self.what.rstrip(',')} ({self.source}{compiler})"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The largest example `mapped`, the smallest `refused`, and what Coral's table of operations says (`documented`).

    A rule without any of the three is a note: it decides nothing.
    """

    mapped: Observation | None = None
    refused: Observation | None = None
    documented: str = ""

    def judge(self, size: int) -> Outlook:
        """What is known of `size`: mapped up to the largest mapped one, refused from the smallest refused one on."""
        if self.refused is not None and self.refused.size is not None and size >= self.refused.size:
            return "refused"
        if self.mapped is not None and self.mapped.size is not None and size <= self.mapped.size:
            return "mapped"
        return "uncertain"

    def limits_text(self) -> str:
        """Both examples in a few words, such as "69,696 were mapped, 112,896 refused"."""
        mapped = "none of a known size was mapped" if self.mapped is None else f"{self.mapped.what} was mapped"
        refused = "no refusal is known" if self.refused is None else f"{self.refused.what} was refused"
        return f"{mapped}, {refused}"

    def text(self) -> str:
        """The examples with their sources, and what is documented, as one line; empty without any of them."""
        examples = (("mapped", self.mapped), ("refused", self.refused))
        parts = [f"{label} {example.text()}" for label, example in examples if example is not None]
        if self.documented:
            parts.append(f"documented: {self.documented}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The evidence as a JSON object; null for an example that is not known."""
        return {
            "mapped": None if self.mapped is None else asdict(self.mapped),
            "refused": None if self.refused is None else asdict(self.refused),
            "documented": self.documented,
        }


def report_number(*numbers: int) -> str:
    """The source text for reports to Google by their numbers in the repository edgetpu."""
    return "report " + ", ".join(f"edgetpu #{number}" for number in numbers)
