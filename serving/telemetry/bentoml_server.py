"""Run BentoML's command line, with its log lines in our form from the first one on.

python -m serving.telemetry.bentoml_server serve ...
"""

from bentoml._internal import log

from serving.telemetry.log_lines import Form


def form_logs(form: Form) -> None:
    """Make loggers that BentoML configures in this process write lines of a form.

    Parameters
    ----------
    form : {"text", "json"}
        How lines are written.
    """
    if form == "json":
        formatter = {"()": "serving.telemetry.log_lines.SafeFormatter", "form": form}
        log.SERVER_LOGGING_CONFIG["formatters"]["traced"] = formatter
        log.CLI_LOGGING_CONFIG["formatters"]["simple"] = formatter


if __name__ == "__main__":
    from bentoml_cli.cli import cli

    from features.settings import load

    form_logs(load().log)
    cli()
