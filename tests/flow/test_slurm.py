"""The tiny protocol through a one-node Slurm on loopback, started for the test and stopped after it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, settle

CONF = Path("/etc/slurm")  # the plugin drops SLURM_CONF before its inner srun: the default place is the only one
TOOLS = ("slurmctld", "slurmd", "munged", "sinfo", "sbatch")
READY = all(shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin") for tool in TOOLS) and os.getuid() == 0

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not READY, reason="wants root and apt-get install slurmctld slurmd slurm-client munge"),
    pytest.mark.skipif((CONF / "slurm.conf").exists(), reason="this machine has a Slurm of its own"),
]

SLURM_CONF = """
ClusterName=ash
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,defer_batch
ReturnToService=2
MinJobAge=600
MpiDefault=none
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=1-0 State=UP
"""


@pytest.fixture
def cluster(tmp_path):
    """A controller, a node with a pretend GPU and their authentication; the folder of their logs."""
    host, folder = socket.gethostname().split(".")[0], tmp_path / "slurm"
    for part in ("state", "spool", "log", "munge"):
        (folder / part).mkdir(parents=True)
    folder.chmod(0o755)  # clients reach munged's socket through it
    (folder / "munge").chmod(0o755)
    (folder / "munge/key").write_bytes(os.urandom(1024))
    (folder / "munge/key").chmod(0o400)
    try:
        with (CONF / "slurm.conf").open("x") as file:
            file.write(SLURM_CONF.format(host=host, folder=folder))
    except FileExistsError:
        pytest.skip("another Slurm has been set up here meanwhile")
    (CONF / "gres.conf").write_text(f"NodeName={host} Name=gpu File=/dev/null\n")
    files = [f"--{kind}-file={folder}/munge/{kind}" for kind in ("key", "pid", "log", "seed")]
    try:
        subprocess.run(["/usr/sbin/munged", "--force", f"--socket={folder}/munge/sock", *files], check=True)
        subprocess.run(["/usr/sbin/slurmctld", "-c"], check=True)
        time.sleep(1)
        subprocess.run(["/usr/sbin/slurmd", "-c"], check=True)
        _await_node()
        yield folder
    finally:
        for name in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
            _stop(folder / name)
        (CONF / "slurm.conf").unlink()
        (CONF / "gres.conf").unlink()


def _await_node():
    for _ in range(60):
        if "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False).stdout:
            return
        time.sleep(1)
    raise AssertionError("the node did not come up")


def _stop(pid_file):
    if pid_file.exists():
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        for _ in range(50):
            if not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)


def profile(folder):
    """The project's profile, with what a loopback cluster needs otherwise: no accounting database, no waiting."""
    content = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    content |= {
        "jobs": 4, "seconds-between-status-checks": 1, "slurm-init-seconds-before-status-checks": 1,
        "slurm-status-command": "squeue", "latency-wait": 10, "retries": 0,
    }  # fmt: skip
    content["default-resources"] |= {"slurm_partition": "main", "slurm_account": "none"}
    (folder / "profile").mkdir()
    (folder / "profile/config.yaml").write_text(yaml.safe_dump(content))
    return folder / "profile"


def test_the_tiny_protocol_on_a_cluster(cluster, tmp_path):
    """One table with all that it needs: every job through Slurm and completed, the trainings with the node's GPU."""
    world = tmp_path / "world"
    world.mkdir()
    settle(world)
    settings = yaml.safe_load((world / "protocols/tiny.yaml").read_text())
    small = {"threads": 1, "mem_mb": 1500, "runtime": 10, "gpu": 0}
    settings["resources"] = dict.fromkeys(("light", "data", "features", "evaluate"), small) | {
        "train": small | {"gpu": 1}
    }
    (world / "protocols/tiny.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-d", str(world)]
    command += ["--profile", str(profile(tmp_path)), "--nocolor", "results/tables/table1.md"]
    result = subprocess.run(command, cwd=world, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr + (cluster / "log/slurmctld.log").read_text()[-3000:]
    assert (world / "results/tables/table1.md").stat().st_size > 0
    jobs = subprocess.run(["scontrol", "--oneliner", "show", "jobs"], capture_output=True, text=True, check=True).stdout
    states = [job for job in jobs.splitlines() if job.startswith("JobId=")]
    assert len(states) >= 10
    assert all("JobState=COMPLETED" in job for job in states)
    assert sum("gres/gpu=1" in job or "gres:gpu:1" in job for job in states) == 2
