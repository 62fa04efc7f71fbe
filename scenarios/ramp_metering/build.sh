#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build data/network.net.xml from the sources beside it. Needs netconvert (Debian: package sumo).
set -eu
cd "$(dirname "$0")/data"
if ! command -v netconvert >/dev/null; then
    echo "build.sh: netconvert is not here; it comes with SUMO (Debian: apt-get install sumo)" >&2
    exit 1
fi
if [ -z "${SUMO_HOME-}" ] && [ -d /usr/share/sumo ]; then
    export SUMO_HOME=/usr/share/sumo
fi
# Warnings are off for one that is known: where ramp and motorway meet, the junction is drawn 38 m away from its
# point. Errors are shown. Written beside and moved: a run that starts meanwhile sees the old network or the new one.
netconvert --node-files nodes.nod.xml --edge-files edges.edg.xml --connection-files connections.con.xml \
    --tllogic-files signals.tll.xml --no-turnarounds --offset.disable-normalization \
    --junctions.limit-turn-speed -1 --xml-validation never --no-warnings true \
    --output-file network.net.xml.new
# The same sources make the same bytes: when it was made is left out.
sed '/^<!-- generated on /,/-->/d' network.net.xml.new >network.net.xml.same
rm network.net.xml.new
mv network.net.xml.same network.net.xml
