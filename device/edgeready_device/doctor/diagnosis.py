"""Runs all probes in order, then the model in question on each runtime."""

from __future__ import annotations

from collections.abc import Iterator

from edgeready_device.doctor import probes, tpu_probes
from edgeready_device.doctor.environment import Environment, Subject
from edgeready_device.doctor.finding import Diagnosis, Finding
from edgeready_device.isolation.trial import BUILT_FOR_IT, TrialRequest

PROBES = (*probes.PROBES, *tpu_probes.PROBES)


def diagnose(environment: Environment) -> Diagnosis:
    """Returns every probe's findings, and the runtimes on which the subject ran, or else the sample.

    Nothing counts as run when `environment` names a delegate and it does not start.
    """
    findings = [finding for probe in PROBES for finding in probe(environment)]
    if environment.subject is None:
        names = {name for name, _ in environment.inventory.runtimes}
        ran = tuple(finding.probe for finding in findings if finding.probe in names and finding.level == "ok")
        started = any(finding.probe == "delegate" and finding.level == "ok" for finding in findings)
        return Diagnosis(tuple(findings), ran if started or not environment.delegate else (), "a model")
    trials = list(_try_subject(environment, environment.subject))
    findings += [finding for finding, _ in trials]
    return Diagnosis(tuple(findings), tuple(way for _, way in trials if way), environment.subject.name)


def _try_subject(environment: Environment, subject: Subject) -> Iterator[tuple[Finding, str]]:
    """Yields a finding for each runtime with the subject, and the runtime in words where the subject ran."""
    if subject.compiled_ops and not environment.delegate:
        target = subject.accelerator
        sentence = f"{subject.compiled_ops} of {subject.ops} ops of {subject.name} are compiled for {target.name}"
        yield Finding("model", "problem", f"{sentence}: no CPU runs them", remedy=target.remedy), ""
        return
    for name, version in environment.inventory.runtimes:
        request = TrialRequest(name, delegate=environment.delegate, ops_total=subject.ops)
        result = environment.attempt(request, subject.flatbuffer)
        way = f"{name} {version}" + (f" with {environment.delegate}" if environment.delegate else "")
        if result.ran:
            share = f", {result.ops_taken} of {subject.ops} ops in the delegate" if environment.delegate else ""
            yield Finding("model", "ok", f"{subject.name} runs on {way}{share}"), way
        elif result.error:
            sentence, remedy = probes.split_remedy(result.error)
            sentence, remedy = f"{subject.name} on {way}: {sentence}", _specific_remedy(environment, remedy)
            yield Finding("model", "problem", sentence, remedy=remedy), ""
        else:
            remedy = BUILT_FOR_IT if environment.delegate else probes.crash_remedy(environment, name, result.exit)
            sentence = f"{subject.name} ends {way}: {result.exit.sentence}"
            yield Finding("model", "problem", sentence, remedy=_specific_remedy(environment, remedy)), ""


def _specific_remedy(environment: Environment, remedy: str) -> str:
    """Returns the remedy, a more specific one for libedgetpu."""
    edgetpu = environment.delegate.startswith("edgetpu")
    return tpu_probes.REBUILT if remedy == BUILT_FOR_IT and edgetpu else remedy
