"""Where the boxes of a picture go."""

import random

from hypothesis import given
from hypothesis import strategies as st

from reconciler.rendering.html.layout import WIDTH, Box, arranged


def overlaps(boxes, made):
    """Pairs of boxes that cover each other."""
    placed = [(*made.spots[n], boxes[n].height) for n in range(len(boxes))]
    return [
        (a, b)
        for a in range(len(placed))
        for b in range(a)
        if abs(placed[a][0] - placed[b][0]) < WIDTH
        and placed[a][1] < placed[b][1] + placed[b][2]
        and placed[b][1] < placed[a][1] + placed[a][2]
    ]


@given(st.data())
def test_boxes_never_overlap_and_stand_right_of_what_they_depend_on(data):
    count = data.draw(st.integers(1, 60))
    boxes = [
        Box(data.draw(st.integers(1, 2)), data.draw(st.sampled_from([46.0, 72.0])), data.draw(st.booleans()))
        for _ in range(count)
    ]
    numbers = st.integers(0, count - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), max_size=80))
    edges = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    made = arranged(boxes, edges, margin=300)
    assert sorted(made.spots) == list(range(count))
    assert overlaps(boxes, made) == []
    if len({target for _, target in edges} & {source for source, _ in edges}) == 0:
        assert all(made.spots[source][0] < made.spots[target][0] for source, target in edges)


def test_a_ring_is_drawn_too():
    made = arranged([Box(1, 46), Box(1, 46)], [(0, 1), (1, 0)])
    assert len(made.spots) == 2


def test_the_same_boxes_are_placed_alike():
    boxes = [Box(1 + n % 2, 46) for n in range(200)]
    edges = [(n, n + 1) for n in range(0, 199, 2)]
    assert arranged(boxes, edges).spots == arranged(boxes, edges).spots


def test_large_pictures_keep_a_shape_that_fits_a_screen():
    chance = random.Random(1)
    boxes = [Box(1 + n % 2, 46) for n in range(500)]
    edges = [(n, n + 1) for n in range(0, 499, 2) if chance.random() < 0.7]
    assert 0.8 < arranged(boxes, edges, margin=300).shape < 2.6


def test_one_box_with_hundreds_of_dependents_gets_them_in_lanes():
    boxes = [Box(1, 46), *(Box(2, 46) for _ in range(300))]
    made = arranged(boxes, [(0, n) for n in range(1, 301)])
    assert len({x for x, _ in made.spots.values()}) > 4
    assert overlaps(boxes, made) == []


def test_where_nothing_happens_comes_last():
    made = arranged(
        [Box(1, 46, is_urgent=False), Box(2, 46, is_urgent=False), Box(1, 46), Box(2, 46)], [(0, 1), (2, 3)]
    )
    assert made.spots[2][1] < made.spots[0][1]
