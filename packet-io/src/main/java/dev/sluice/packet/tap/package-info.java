/**
 * TAP interfaces: Ethernet between this process and the kernel's network stack, on Netty's event loop.
 *
 * <p>A TAP is a network interface of the kernel whose cable ends in a file descriptor: what the kernel sends, a read gives, one
 * frame each; what is written, the kernel receives. It is made with {@code ioctl(2)} on {@code /dev/net/tun} and goes away when
 * the descriptor is closed, by us or by the end of the process, unless it was there before. Source: the kernel's
 * Documentation/networking/tuntap.rst, netdevice(7).
 *
 * <pre>
 *   struct ifreq   0 name, 16 bytes with a final NUL   16 what the request is about, 24 bytes
 *                    TUNSETIFF:     flags u16 = IFF_TAP | IFF_NO_PI
 *                    SIOC?IFFLAGS:  flags u16, IFF_UP among them
 *                    SIOC?IFMTU:    int      SIOCGIFINDEX: int
 *                    SIOC?IFHWADDR: struct sockaddr: family u16 = ARPHRD_ETHER, 6 bytes
 * </pre>
 *
 * <p>Netty's epoll says when there is something to read. Then a {@link dev.sluice.packet.tap.TapTransfer} takes the frames: a
 * system call each, or an io_uring that does a whole batch in one, with up to 64 reads or writes ({@code struct io_uring_sqe}, 64
 * bytes):
 *
 * <pre>
 *    0 operation u8 = IORING_OP_READ or _WRITE     1 flags u8 = IOSQE_FIXED_FILE, for writes IOSQE_CQE_SKIP_SUCCESS
 *    2 priority u16 = 0                            4 file s32 = 0, the one that is registered
 *    8 offset u64 = 0                             16 address u64    24 length u32    28 flags u32 = RWF_NOWAIT
 *   32 user data u64 = its place in the batch
 * </pre>
 *
 * {@code RWF_NOWAIT} has each done, or refused with EAGAIN, within {@code io_uring_enter(2)}, one after the other. Thus frames
 * keep their order and none is in flight when a batch goes on its way or the interface is closed. Source: io_uring_enter(2),
 * io_uring_setup(2).
 *
 * <p>{@code IFF_NO_PI}: without it each frame has four more bytes in front. Offloads are never asked for, so the kernel hands
 * over frames as a wire would carry them: checksums done, no longer than the MTU.
 */
@NullMarked
package dev.sluice.packet.tap;

import org.jspecify.annotations.NullMarked;
