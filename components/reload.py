"""The shell of the broker's two helpers; it runs in the mosquitto image, with BusyBox or Debian's tools."""

from components.access import FOLDER

SOURCE = "/etc/broker"
"""Where Kubernetes mounts the certificate and the access rules."""

PERIOD_SECONDS = 2

COPY = f"""set -eu
umask 077
for source in {SOURCE}/*; do cp "$source" "{FOLDER}/${{source##*/}}"; done
"""
"""Runs before the broker: gives it its files."""

WATCH = f"""set -eu
umask 077
trap 'exit 0' TERM INT
while :; do
  changed=
  for source in {SOURCE}/*; do
    name=${{source##*/}}
    if ! cmp -s "$source" "{FOLDER}/$name"; then
      cp "$source" "{FOLDER}/.$name"
      mv "{FOLDER}/.$name" "{FOLDER}/$name"
      changed="$changed $name"
    fi
  done
  if [ -n "$changed" ]; then
    for process in /proc/[0-9]*; do
      if [ "$(cat "$process/comm" 2>/dev/null)" = mosquitto ]; then kill -HUP "${{process#/proc/}}"; fi
    done
    echo "reloaded$changed"
  fi
  sleep {PERIOD_SECONDS} & wait $!
done
"""
"""Runs beside the broker: brings it new files and asks it to read them, which disconnects nobody."""


def listening(port: int) -> str:
    """A command that succeeds while something listens on the port.

    A probe that opened a connection would leave a line in the broker's log every time.
    """
    return f"grep -qiE ':{port:04X} [0-9A-F]+:0000 0A' /proc/net/tcp /proc/net/tcp6"
