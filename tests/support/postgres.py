"""A PostgreSQL server of the tests' own."""

import os
import subprocess
from pathlib import Path


class Server:
    """A PostgreSQL server on a socket in a folder of its own, without fsync: its machine is not meant to fail."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.databases = programs, folder, 0
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", str(folder / "data"))
        guarded = "local all guarded scram-sha-256\nlocal all all trust\n"
        (folder / "data" / "pg_hba.conf").write_text(guarded)

    def start(self) -> None:
        options = f"-c fsync=off -c listen_addresses='' -c unix_socket_directories={self.folder}"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    def query(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """The URL of a database that is empty."""
        self.databases += 1
        self.query(f"CREATE DATABASE study{self.databases}")
        return self.url(f"study{self.databases}")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # The server refuses to run as root.
            command = ["runuser", "-u", "postgres", "--", *command]
        # Nobody waits for the end of what the server inherits.
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
