"""Every failure case is found in seconds, named, and survived, before connecting and while connected."""

import pytest

from tests.network import judging, playing
from tests.network.cases import BY_NAME
from tests.network.measured import Measured


def _param(job):
    why = playing.missing(job[0])
    marks = pytest.mark.skip(reason=why) if why else ()
    return pytest.param(job, marks=marks, id=playing.key_of(job))


@pytest.mark.parametrize("job", [_param(job) for job in sorted(playing.jobs(), key=playing.key_of)])
def test_outage(job, scene):
    wrong = judging.complaints(*job, scene)
    assert not wrong, "\n".join([*wrong, "what the client said:", *scene.lines])


def test_service_is_mostly_back_in_a_moment(request):
    why = playing.missing(BY_NAME["client-cable"])
    if why:
        pytest.skip(why)
    played = request.getfixturevalue("played")
    back = judging.median_back(one for one in played.values() if isinstance(one, Measured))
    if back is None:
        pytest.skip("too few cases were chosen for a median")
    assert back <= judging.MEDIAN
