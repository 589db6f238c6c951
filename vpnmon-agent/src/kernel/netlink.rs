//! Questions and orders to the kernel over rtnetlink(7).

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
pub use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// What the kernel fills at most in one go (`max_recvmsg_len`, 32 KiB).
pub const ROOM: usize = 32 << 10;
/// `struct nlmsghdr`.
const HEADER: usize = 16;

/// All of a kind. `answer` gets `None` for what this build cannot read, which must not hide the rest.
pub fn ask(question: Message, mut answer: impl FnMut(Option<Message>)) -> io::Result<()> {
    let socket = send(question, NLM_F_DUMP | NLM_F_REQUEST)?;
    while receive(&socket, &mut answer)? {}
    Ok(())
}

/// Has something done, and waits until it is.
pub fn tell(order: Message) -> io::Result<()> {
    let socket = send(order, NLM_F_ACK | NLM_F_REQUEST)?;
    receive(&socket, |_| ()).map(|_| ())
}

fn send(message: Message, flags: u16) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let payload = NetlinkPayload::from(message);
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
    message.header.flags = flags;
    message.finalize();
    let mut packet = vec![0; message.buffer_len()];
    message.serialize(&mut packet);
    socket.send(&packet, 0)?;
    Ok(socket)
}

/// Reads what has come. Whether there is more to come.
fn receive(socket: &Socket, mut answer: impl FnMut(Option<Message>)) -> io::Result<bool> {
    let mut room = Vec::with_capacity(ROOM);
    socket.recv(&mut room, 0)?;
    let mut rest = &room[..];
    while let Some(length) = rest.first_chunk::<4>() {
        match NetlinkMessage::<Message>::deserialize(rest).map(|message| message.payload) {
            Ok(NetlinkPayload::Done(_)) => return Ok(false),
            Ok(NetlinkPayload::Error(error)) if error.code.is_none() => return Ok(false),
            Ok(NetlinkPayload::Error(error)) => return Err(error.to_io()),
            Ok(NetlinkPayload::InnerMessage(message)) => answer(Some(message)),
            Ok(_) => {}
            Err(error) => {
                log::debug!("rtnetlink: {error}");
                answer(None);
            }
        }
        // Messages begin at multiples of four; one shorter than its header would never end.
        let length = usize::try_from(u32::from_ne_bytes(*length)).unwrap_or(usize::MAX);
        rest = rest.get(length.max(HEADER).next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}
