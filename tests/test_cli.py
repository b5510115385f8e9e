"""The command ``onlive``."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from onlive_provider.cli import main

PROGRAM = "import sys; from onlive_provider.cli import main; sys.exit(main())"


@pytest.fixture
def run_sandbox():
    """Run ``onlive sandbox`` as a process, and give it with what it has printed before it serves."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "sandbox", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        return process, "".join(lines)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_sandbox_prints_its_page_its_connection_and_ids_and_stops_with_ctrl_c(run_sandbox):
    process, printed = run_sandbox("--port", "0")
    url = re.search(r"Look at it: (http://127\.0\.0\.1:\d+)/", printed)[1]
    connection = re.search(r"export AIRFLOW_CONN_ONLIVE_DEFAULT='(.*)'", printed)[1]
    ids = set(re.findall(r"(?:service|appointment) +([0-9a-f-]{36})", printed))
    with urllib.request.urlopen(url + "/sandbox/state", timeout=10) as answer:
        state = json.load(answer)
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=20)
    assert json.loads(connection)["host"] == url
    assert len(ids) == 4
    assert ids <= {record["id"] for kind in ("services", "appointments") for record in state[kind]}
    assert (process.returncode, rest.strip(), complaints) == (0, "The sandbox has stopped.", "")


class _PressingCtrlC(io.StringIO):
    """An output that presses Ctrl-C as soon as it was told how to stop."""

    def write(self, text):
        written = super().write(text)
        if "Ctrl-C" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return written


def test_ctrl_c_while_it_still_prints_stops_it_cleanly(monkeypatch):
    output = _PressingCtrlC()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["sandbox", "--port", "0"]) == 0
    assert output.getvalue().endswith("The sandbox has stopped.\n")


def test_the_switches_reach_the_sandbox(run_sandbox, tmp_path):
    data = tmp_path / "sandbox.db"
    _, printed = run_sandbox("--port", "0", "--data", str(data), "--limits", "--object-updates", "replace")
    url = re.search(r"Look at it: (http://[^/]+)/", printed)[1]
    with urllib.request.urlopen(url + "/sandbox/state", timeout=10) as answer:
        assert json.load(answer)["objectUpdates"] == "replace"
    assert data.stat().st_size > 0


def test_start_added_members_and_faults_reach_the_sandbox(run_sandbox, tmp_path):
    (tmp_path / "faults.jsonl").write_text('{"path": "/api/v1/services", "date": "yesterday"}\n')
    switches = ("--now", "2025-03-01T01:00:00+01:00", "--normalize", "--faults", str(tmp_path / "faults.jsonl"))
    _, printed = run_sandbox("--port", "0", *switches)
    url = re.search(r"Look at it: (http://[^/]+)/", printed)[1]
    with urllib.request.urlopen(url + "/sandbox/state", timeout=10) as answer:
        state = json.load(answer)
    assert re.search(r"Its time is 2025-03-01T00:00:\d\d.\d{3}Z, and runs on\.", printed)
    assert state["now"].startswith("2025-03-01T00:")
    assert "id" in state["services"][0]["dateRanges"][0]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url + "/api/v1/services", timeout=10)
    refused.value.close()
    assert (refused.value.code, refused.value.headers["Date"]) == (401, "yesterday")


def test_a_start_or_faults_that_cannot_be_used_are_named(capsys, tmp_path):
    assert main(["sandbox", "--port", "0", "--now", "soon"]) == 2
    assert capsys.readouterr().err.startswith("onlive: now: 'soon' is not accepted: give an ISO 8601 time")
    (tmp_path / "faults.jsonl").write_text('{"method": "PUT", "status": 503}\n')
    assert main(["sandbox", "--port", "0", "--faults", str(tmp_path / "faults.jsonl")]) == 2
    assert capsys.readouterr().err == (
        "onlive: the faults cannot be used:\n  - fault 1: apply: is missing; say whether the write is made, "
        "for the answer does not: true, false, or the seconds after which it is made\n"
    )
    assert main(["sandbox", "--port", "0", "--faults", str(tmp_path / "none.jsonl")]) == 2
    assert capsys.readouterr().err == f"onlive: {tmp_path}/none.jsonl: cannot be read: No such file or directory\n"


def test_any_signing_profile_reaches_the_sandbox_and_the_connection_that_it_prints(run_sandbox, tmp_path):
    extra = {"string_to_sign": "{date} '{method}' {path_query} {body}", "signing_key": r"{secret}\n{day}", "timeout": 7}
    (tmp_path / "extra.json").write_text(json.dumps(extra))
    _, printed = run_sandbox("--port", "0", "--extra", str(tmp_path / "extra.json"))
    (line,) = re.findall(r"export AIRFLOW_CONN_ONLIVE_DEFAULT=.*", printed)
    shell = subprocess.run(
        ["bash", "-c", f"{line}\nprintenv AIRFLOW_CONN_ONLIVE_DEFAULT"], capture_output=True, text=True
    )
    assert json.loads(shell.stdout)["extra"] == extra
    environment = os.environ | {"AIRFLOW_CONN_ONLIVE_DEFAULT": shell.stdout.strip()}
    checked = subprocess.run(
        [sys.executable, "-c", PROGRAM, "check"], capture_output=True, text=True, env=environment, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_unusable_extra_is_one_clear_line(capsys, tmp_path):
    (tmp_path / "extra.json").write_text('{"string_to_sign": "{dat}"}')
    assert main(["sandbox", "--port", "0", "--extra", str(tmp_path / "extra.json")]) == 2
    assert capsys.readouterr().err == "onlive: {dat} is not a placeholder that can stand there\n"
    assert main(["sandbox", "--port", "0", "--extra", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err == f"onlive: {tmp_path}/none.json: cannot be read: No such file or directory\n"


def test_a_taken_port_is_one_clear_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = main(["sandbox", "--port", str(port)])
    expected = f"onlive: port {port} cannot be used: Address already in use; choose another with --port\n"
    assert (code, capsys.readouterr().err) == (2, expected)


def test_an_unreadable_seed_file_is_one_clear_line(capsys, tmp_path):
    code = main(["sandbox", "--port", "0", "--seed-file", str(tmp_path / "none.json")])
    expected = f"onlive: {tmp_path}/none.json: cannot be read: No such file or directory\n"
    assert (code, capsys.readouterr().err) == (2, expected)


def test_an_unusable_data_file_is_one_clear_line(capsys, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("Remember the milk\n")
    code = main(["sandbox", "--port", "0", "--data", str(path)])
    expected = f"onlive: {path}: cannot be used as the sandbox's data file: file is not a database\n"
    assert (code, capsys.readouterr().err) == (2, expected)


@pytest.mark.parametrize("port", ["65536", "-1", "http", "٣"])
def test_a_number_that_is_no_port_is_refused(capsys, port):
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", f"--port={port}"])
    assert ended.value.code == 2
    assert f"'{port}' is not a port: 0 to 65535 is accepted" in capsys.readouterr().err


def test_without_the_extra_the_message_says_what_to_install(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in {"fastapi", "uvicorn"}]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith("onlive_provider.sandbox.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["sandbox"]) == 2
    message = capsys.readouterr().err
    assert message == (
        "onlive: the sandbox needs uvicorn, which is not installed: pip install 'airflow-provider-onlive[sandbox]'\n"
    )


def test_the_command_needs_a_subcommand(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "SUBCOMMAND" in capsys.readouterr().err


def test_help_imports_no_server():
    script = (
        "import sys\nfrom onlive_provider.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'fastapi', 'uvicorn', 'airflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, "sandbox" in done.stdout) == (0, True)


def test_the_help_names_every_switch_and_the_default_port(capsys):
    with pytest.raises(SystemExit):
        main(["sandbox", "--help"])
    told = capsys.readouterr().out
    assert "default: 8765" in told
    assert all(
        switch in told
        for switch in (
            *("--port", "--data", "--seed-file", "--limits", "--object-updates", "--extra"),
            *("--now", "--normalize", "--faults"),
        )
    )
