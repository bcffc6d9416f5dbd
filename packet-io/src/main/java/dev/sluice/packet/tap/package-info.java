/**
 * TAP interfaces: Ethernet between this process and the kernel's network stack, on Netty's epoll loop.
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
 * {@code IFF_NO_PI}: without it each frame has four more bytes in front. Offloads are never asked for, so the kernel hands
 * over frames as a wire would carry them: checksums done, no longer than the MTU.
 */
@NullMarked
package dev.sluice.packet.tap;

import org.jspecify.annotations.NullMarked;
