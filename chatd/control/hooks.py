"""``hook add``, ``hook drop`` and ``hooks``: what posts to rooms over HTTP, and what is told of them."""

from chatd.chat import hooks as chat_hooks
from chatd.control import messages as m
from chatd.control.console import Console, need_room
from chatd.control.context import Context
from chatd.control.rows import HookRow
from chatd.control.stream import Stream
from chatd.control.where import conditions
from chatd.wire import messages as wire


async def add(context: Context, _: Stream, asked: m.AskHookAdd) -> str:
    """Make a hook, and tell its secret."""
    need_room(context.server, asked.room)
    request = wire.AddHook(id=0, room=asked.room, name=asked.name, url=asked.url)
    ok = await Console(context.server, context.clock).request(request)
    if asked.url:
        return f"{asked.name} is told what is said in {ok.room}, signed with this secret: {ok.secret}"
    return f"{asked.name} posts to {ok.room} by this secret, at /hooks/{ok.secret}"


async def drop(context: Context, _: Stream, asked: m.AskHookDrop) -> str:
    """Take a hook back."""
    need_room(context.server, asked.room)
    request = wire.DropHook(id=0, room=asked.room, name=asked.name)
    ok = await Console(context.server, context.clock).request(request)
    return f"{asked.name} is no hook of {ok.room} any more."


async def hooks(context: Context, stream: Stream, asked: m.AskHooks) -> None:
    """Hand out the hooks of all rooms, or of one."""
    world = context.server.hub.world
    wanted = conditions(asked.where, HookRow.__struct_fields__)
    only = need_room(context.server, asked.room) if asked.room else None
    for hook in list(world.hooks.values()):
        room = world.rooms_by_id[hook.row.room]
        if only is not None and room is not only:
            continue
        told = chat_hooks.told(hook, room, world.calendar.now)
        row = HookRow(
            room=room.name,
            name=told.name,
            url=told.url,
            by=told.by,
            made=told.made,
            behind=told.behind,
            failing=told.failing,
            trouble=told.trouble,
            off=told.off,
        )
        if all(condition(row) for condition in wanted):
            stream.add(row)
        if stream.due:
            await stream.turn()
