"""All probes in turn, then the model in question on each runtime: did anything really run?"""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.doctor import probes, tpu_probes
from edgeready_device.doctor.environment import Patient, Subject
from edgeready_device.doctor.finding import Diagnosis, Finding
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest

PROBES = (*probes.PROBES, *tpu_probes.PROBES)


def diagnose(patient: Patient) -> Diagnosis:
    """The Diagnosis of `patient`: every probe's findings; whether the subject ran, or the sample.

    A delegate that is asked for has to start, too.
    """
    findings = [finding for probe in PROBES for finding in probe(patient)]
    if patient.subject is None:
        names = {name for name, _ in patient.inventory.runtimes}
        ran = tuple(finding.probe for finding in findings if finding.probe in names and finding.level == "ok")
        started = any(finding.probe == "delegate" and finding.level == "ok" for finding in findings)
        return Diagnosis(tuple(findings), ran if started or not patient.delegate else (), "a model")
    ways = list(_ways(patient, patient.subject))
    findings += [finding for finding, _ in ways]
    return Diagnosis(tuple(findings), tuple(way for _, way in ways if way), patient.subject.name)


def _ways(patient: Patient, subject: Subject) -> Iterator[tuple[Finding, str]]:
    """A finding for each runtime with the subject, and the way in words where it ran."""
    if subject.compiled_ops and not patient.delegate:
        sentence = f"{subject.compiled_ops} of {subject.ops} ops of {subject.name} are compiled for the Edge TPU"
        yield Finding("model", "problem", f"{sentence}: no CPU runs them", "give --delegate edgetpu, too"), ""
        return
    for name, version in patient.inventory.runtimes:
        request = TrialRequest(name, delegate=patient.delegate, ops_total=subject.ops)
        result = patient.attempt(request, subject.flatbuffer)
        way = f"{name} {version}" + (f" with {patient.delegate}" if patient.delegate else "")
        if result.ran:
            taken = f", {result.ops_taken} of {subject.ops} ops in the delegate" if patient.delegate else ""
            yield Finding("model", "ok", f"{subject.name} runs on {way}{taken}"), way
        elif result.error:
            sentence, remedy = probes.told(result.error)
            yield Finding("model", "problem", f"{subject.name} on {way}: {sentence}", _mended(patient, remedy)), ""
        else:
            remedy = BUILT_FOR_IT if patient.delegate else probes.crash_remedy(patient, name, result.ended)
            sentence = f"{subject.name} ends {way}: {result.ended.sentence}"
            yield Finding("model", "problem", sentence, _mended(patient, remedy)), ""


def _mended(patient: Patient, remedy: str) -> str:
    """The remedy, more exactly where the library is known."""
    edgetpu = patient.delegate.startswith("edgetpu")
    return tpu_probes.REBUILT if remedy == BUILT_FOR_IT and edgetpu else remedy
