"""What the commands wrote with --json, read again: each document becomes parts that a report can show."""

from edgeready.documents.accuracy import Accuracy, ClassShare, Disagreement, Disagreements, Share
from edgeready.documents.budgets import (
    Attempt,
    AttemptTable,
    Budget,
    BudgetTable,
    Fidelity,
    FidelityTable,
    Verification,
)
from edgeready.documents.graph import Cause, LayerErrors, LayerRow, OpRow, Readiness
from edgeready.documents.making import Epoch, Making, Training
from edgeready.documents.reading import Document, read_documents
from edgeready.documents.search import Searched, SearchTable
from edgeready.documents.speed import Doubt, Profile, ProfileRow, Size, Speed, SpeedComparison

__all__ = [
    "Accuracy",
    "Attempt",
    "AttemptTable",
    "Budget",
    "BudgetTable",
    "Cause",
    "ClassShare",
    "Disagreement",
    "Disagreements",
    "Document",
    "Doubt",
    "Epoch",
    "Fidelity",
    "FidelityTable",
    "LayerErrors",
    "LayerRow",
    "Making",
    "OpRow",
    "Profile",
    "ProfileRow",
    "Readiness",
    "SearchTable",
    "Searched",
    "Share",
    "Size",
    "Speed",
    "SpeedComparison",
    "Training",
    "Verification",
    "read_documents",
]
