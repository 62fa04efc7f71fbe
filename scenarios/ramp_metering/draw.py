#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draw network.svg from data/: lanes, detectors, signal and demand as they are there. Needs the network (./build.sh).

    ./draw.py [FILE]      default: network.svg beside this script; - is standard output
"""
import math
import sys
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, MARGIN = 960, 520, 40

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 11.5px; fill: #57606a }
.back { fill: #ffffff; stroke: #d0d7de }
.road { fill: none; stroke: #8c959f; stroke-linejoin: round }
.ending { stroke: #b6bdc5 }
.marking { fill: none; stroke: #ffffff; stroke-dasharray: 10 8 }
.ground { fill: none; stroke: #57606a; stroke-linejoin: round }
.queue { fill: none; stroke: #0969da; stroke-opacity: .45 }
.seen { fill: #0969da }
.other { fill: #6e7781 }
.line { stroke: #8c959f; fill: none }
.frame { fill: none; stroke: #bf8700; stroke-dasharray: 4 3 }
.box { fill: #24292f }
.red { fill: #ff6a69 }
.green { fill: #4ac26b }
.arrow { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .back { fill: #0d1117; stroke: #3d444d }
  .road { stroke: #59626c }
  .ending { stroke: #434b54 }
  .marking { stroke: #c9d1d9 }
  .ground { stroke: #b1bac4 }
  .queue { stroke: #58a6ff }
  .seen { fill: #58a6ff }
  .other { fill: #9198a1 }
  .line { stroke: #768390 }
  .frame { stroke: #d29922 }
  .box { fill: #c9d1d9 }
}
"""


class Network:
    """What the files in data/ say."""

    def __init__(self, data):
        net = ElementTree.parse(data / "network.net.xml").getroot()
        self.lanes = {}  # id -> (points, length in m, speed in m/s, whether it ends)
        self.edges = {}  # id -> its lanes' ids, right to left
        for edge in net.iter("edge"):
            if edge.get("function") != "internal":  # those join the others
                self.edges[edge.get("id")] = [lane.get("id") for lane in edge.iter("lane")]
            for lane in edge.iter("lane"):
                points = [tuple(float(n) for n in point.split(",")) for point in lane.get("shape").split()]
                self.lanes[lane.get("id")] = (points, float(lane.get("length")), float(lane.get("speed")),
                                              lane.get("acceleration") == "1")
        additional = ElementTree.parse(data / "detectors.add.xml").getroot()
        self.loops = {e.get("id"): (e.get("lane"), float(e.get("pos"))) for e in additional.iter("inductionLoop")}
        self.queue = next((e.get("lane"), float(e.get("pos")), float(e.get("endPos")))
                          for e in additional.iter("laneAreaDetector"))
        self.stop = next(e.get("from") for e in net.iter("connection") if e.get("tl"))
        self.demand = {e.get("route"): round(float(e.get("probability")) * 3600, -1)
                       for e in ElementTree.parse(data / "demand.rou.xml").getroot().iter("flow")
                       if e.get("id").endswith("_peak")}

    def about(self, edge):
        """Length, lanes and speed, in words."""
        _, length, speed, _ = self.lanes[self.edges[edge][0]]
        return "%s, %d lane%s, %.0f km/h" % ("%.2f km" % (length / 1000) if length >= 1000 else "%.0f m" % length,
                                             len(self.edges[edge]), "s" * (len(self.edges[edge]) > 1), speed * 3.6)

    def point(self, lane, position):
        """Where that is, `position` in m from the lane's beginning, or before its end if negative."""
        points, length, _, _ = self.lanes[lane]
        (x0, y0), (x1, y1) = points[0], points[-1]  # each lane here is straight
        part = (position + length if position < 0 else position) / length
        return x0 + part * (x1 - x0), y0 + part * (y1 - y0)


class View:
    """A part of the network on a part of the sheet; heights are drawn larger than lengths."""

    def __init__(self, from_m, to_m, top_px, px_per_m_up, lane_px):
        self.from_m, self.to_m, self.top, self.up, self.lane_px = from_m, to_m, top_px, px_per_m_up, lane_px
        self.along = (WIDTH - 2 * MARGIN) / (to_m - from_m)

    def x(self, metres):
        return MARGIN + (metres - self.from_m) * self.along

    def y(self, metres):
        return self.top - metres * self.up

    def at(self, point):
        return self.x(point[0]), self.y(point[1])

    def clip(self, points):
        """The part of a straight line that is in view, or nothing."""
        (x0, y0), (x1, y1) = points[0], points[-1]
        a, b = max(x0, self.from_m), min(x1, self.to_m)
        if a >= b:
            return []
        return [(x, y0 + (x - x0) / (x1 - x0) * (y1 - y0)) for x in (a, b)]


def path(view, points, style, width):
    places = " L".join("%.1f %.1f" % view.at(p) for p in points)
    return '<path class="%s" stroke-width="%g" d="M%s"/>' % (style, width, places)


def text(x, y, words, style="", anchor="start"):
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (
        x, y, anchor, ' class="%s"' % style if style else "", escape(words))


def heading(y, words, more):
    return '<text x="%d" y="%d"><tspan class="title">%s</tspan><tspan class="small" dx="12">%s</tspan></text>' % (
        MARGIN, y, escape(words), escape(more))


def roads(network, view):
    """Every lane in view; under it a wider one, whose rims are the edge of the road."""
    clipped = [(view.clip(points), ends) for points, _, _, ends in network.lanes.values()]
    clipped = [(points, ends) for points, ends in clipped if points]
    yield from (path(view, points, "ground", view.lane_px + 3) for points, _ in clipped)
    yield from (path(view, points, "road ending" if ends else "road", view.lane_px) for points, ends in clipped)
    for lanes in network.edges.values():
        for lane in lanes[1:]:  # between it and the one to its right
            points = view.clip(network.lanes[lane][0])
            below = view.clip(network.lanes[lanes[lanes.index(lane) - 1]][0])
            if points and view.lane_px > 6:
                yield path(view, [(p[0], (p[1] + q[1]) / 2) for p, q in zip(points, below)], "marking", 1.5)


def arrow(view, points, size):
    """Where traffic goes, in the second quarter of a line."""
    (x0, y0), (x1, y1) = [view.at(p) for p in points]
    degrees = math.degrees(math.atan2(y1 - y0, x1 - x0))
    return '<path class="arrow" transform="translate(%.1f %.1f) rotate(%.1f)" d="M%g %g l%g %g l%g %g z"/>' % (
        x0 + (x1 - x0) / 4, y0 + (y1 - y0) / 4, degrees, -size, -size / 2, 2 * size, size / 2, -2 * size, size / 2)


def loop(view, network, name, style):
    x, y = view.at(network.point(*network.loops[name]))
    h = max(view.lane_px, 8)
    return '<rect class="%s" x="%.1f" y="%.1f" width="5" height="%g" rx="1"/>' % (style, x - 2.5, y - h / 2, h)


def labelled(x, y, to_x, to_y, words, more, anchor="middle"):
    """A name and a remark at the end of a line from (x, y)."""
    yield '<path class="line" d="M%.1f %.1f L%.1f %.1f"/>' % (x, y, to_x, to_y)
    below = to_y > y
    yield text(to_x, to_y + (14 if below else -18), words, anchor=anchor)
    yield text(to_x, to_y + (28 if below else -4), more, "small", anchor)


def lamp(x, y, size):
    yield '<rect class="box" x="%.1f" y="%.1f" width="%g" height="%g" rx="3"/>' % (
        x - size, y - 2 * size, 2 * size, 4 * size)
    for style, dy in (("red", -size), ("green", size)):
        yield '<circle class="%s" cx="%.1f" cy="%.1f" r="%g"/>' % (style, x, y + dy * .9, size * .7)


def overview(network, close):
    v = View(0, 7000, 100, 0.55, 4)
    yield heading(32, "The whole network", "7 km; heights are not to scale")
    left, right, top, bottom = v.x(close.from_m), v.x(close.to_m), v.y(0) - 12, v.y(-58)
    for x, to_x in ((left, MARGIN), (right, WIDTH - MARGIN)):
        yield '<path class="frame" d="M%.1f %.1f L%d 236"/>' % (x, bottom, to_x)
    yield from roads(network, v)
    yield '<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>' % (left, top, right - left, bottom - top)
    for edge, at_m, y in (("main_upstream", 2300, 72), ("main_downstream", 6180, 72), ("ramp_storage", 4560, 172)):
        yield text(v.x(at_m), y, edge, anchor="middle")
        yield text(v.x(at_m), y + 14, network.about(edge), "small", "middle")
    for route, edge in (("through", "main_upstream"), ("entering", "ramp_storage")):
        x, y = v.at(network.point(network.edges[edge][0], 0))
        yield text(x, y + 24, "%.0f veh/h at the peak" % network.demand[route], "small")
    for name in ("upstream_1", "upstream_2", "downstream_1", "downstream_2"):
        yield loop(v, network, name, "other")
    yield loop(v, network, "ramp_in", "seen")


def close_up(network, v):
    yield heading(262, "Signal and merge", "%.0f m; heights are %.1f times as large as lengths"
                  % (v.to_m - v.from_m, v.up / v.along))
    yield from roads(network, v)
    lane, begin, end = network.queue
    yield path(v, v.clip([network.point(lane, begin), network.point(lane, end)]), "queue", v.lane_px - 2)
    for lane in (lane for lanes in network.edges.values() for lane in lanes):
        points = v.clip(network.lanes[lane][0])
        if points:
            yield arrow(v, points, 6)
    for name in network.loops:
        if v.from_m < network.point(*network.loops[name])[0] < v.to_m:
            yield loop(v, network, name, "seen" if name.startswith("merge_") else "other")
    x, y = v.at(network.point("merge_2", network.loops["merge_2"][1]))
    yield from labelled(x, y - 6, x, y - 26, "merge_1, merge_2", "occupancy: what ALINEA holds", "middle")
    x, y = v.at(network.point("merge_0", -2))
    yield from labelled(x, y + 6, x - 60, y + 34, "lane 0 ends", "merge: " + network.about("merge"))
    x, y = v.at(network.point(network.edges[network.stop][0], -0.1))
    yield from lamp(x, y - 30, 7)
    yield text(x - 70, y - 62, "meter")
    yield text(x - 70, y - 48, "one vehicle in each green", "small")
    x, y = v.at(network.point("ramp_storage_0", -40))
    yield from labelled(x, y + 6, x, y + 26, "ramp_queue",
                        "from here back to the ramp's beginning: vehicles on the ramp", "start")
    x, y = v.at(network.point("ramp_merge_0", 105))
    yield from labelled(x, y + 6, x + 20, y + 34, "ramp_merge", network.about("ramp_merge"), "start")


def drawing(data):
    network = Network(data)
    close = View(4690, 5310, 302, 3.4, 10)
    yield ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" '
           'aria-label="The ramp-metering network, whole and close up">' % (WIDTH, HEIGHT))
    yield "<style>%s</style>" % STYLE
    yield '<rect class="back" x=".5" y=".5" width="%d" height="%d" rx="8"/>' % (WIDTH - 1, HEIGHT - 1)
    yield from overview(network, close)
    yield from close_up(network, close)
    yield "</svg>"


def main():
    data = HERE / "data"
    if not (data / "network.net.xml").exists():
        sys.exit("draw.py: there is no data/network.net.xml; make it: ./build.sh")
    svg = "\n".join(drawing(data)) + "\n"
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(svg)
    else:
        Path(sys.argv[1] if sys.argv[1:] else HERE / "network.svg").write_text(svg)


if __name__ == "__main__":
    main()
