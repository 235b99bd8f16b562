"""The edges of a window without a frame: where they are gripped, and what a drag makes of the window."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt

GRIP = 8
"""Pixels at the edges that resize."""


def gripped(point: QPoint, size: QSize) -> Qt.Edge:
    """The edges that are gripped there; none in the middle."""
    edges = Qt.Edge(0)
    if point.x() < GRIP:
        edges |= Qt.Edge.LeftEdge
    elif point.x() >= size.width() - GRIP:
        edges |= Qt.Edge.RightEdge
    if point.y() < GRIP:
        edges |= Qt.Edge.TopEdge
    elif point.y() >= size.height() - GRIP:
        edges |= Qt.Edge.BottomEdge
    return edges


def dragged(begin: QRect, edges: Qt.Edge, way: QPoint, least: QSize) -> QRect:
    """Where the window is after a drag: moved as a whole, or at the edges that are gripped."""
    if not edges:
        return begin.translated(way)
    result = QRect(begin)
    if edges & Qt.Edge.LeftEdge:
        result.setLeft(min(result.left() + way.x(), result.right() - least.width()))
    if edges & Qt.Edge.RightEdge:
        result.setRight(result.right() + way.x())
    if edges & Qt.Edge.TopEdge:
        result.setTop(min(result.top() + way.y(), result.bottom() - least.height()))
    if edges & Qt.Edge.BottomEdge:
        result.setBottom(result.bottom() + way.y())
    return result


def cursor(edges: Qt.Edge) -> Qt.CursorShape:
    """The pointer that says what a drag would do."""
    horizontal = edges & (Qt.Edge.LeftEdge | Qt.Edge.RightEdge)
    vertical = edges & (Qt.Edge.TopEdge | Qt.Edge.BottomEdge)
    if horizontal and vertical:
        falling = edges in (Qt.Edge.LeftEdge | Qt.Edge.TopEdge, Qt.Edge.RightEdge | Qt.Edge.BottomEdge)
        return Qt.CursorShape.SizeFDiagCursor if falling else Qt.CursorShape.SizeBDiagCursor
    if horizontal:
        return Qt.CursorShape.SizeHorCursor
    return Qt.CursorShape.SizeVerCursor if vertical else Qt.CursorShape.SizeAllCursor
