package dev.sluice.packet.tap;

/** How frames are read from a TAP and written to it; Netty's epoll says when there are some in any case. */
public enum TapIo {
    /** {@link #IO_URING} where the kernel lets us, else {@link #EPOLL}. */
    AUTO,
    /** A system call for each frame. */
    EPOLL,
    /** A system call for a batch of frames, by an io_uring; it is an error where the kernel does not let us. */
    IO_URING
}
