package dev.sluice.packet.live;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Field;
import org.pcap4j.core.PcapHandle;

/**
 * The functions of libpcap that each packet needs, without the arrays and pointers that pcap4j makes for each. They are those of
 * the library that pcap4j has loaded, on the handle that it has opened. Allocates nothing but for errors.
 */
final class Libpcap {
    /** By the name and the property that pcap4j has for it. */
    private static final NativeLibrary LIBRARY =
            NativeLibrary.getInstance(System.getProperty("org.pcap4j.core.pcapLibName", "pcap"));

    private static final MethodHandle NEXT_EX = find(
            "pcap_next_ex",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle SENDPACKET = find(
            "pcap_sendpacket",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MethodHandle SELECTABLE_FD =
            find("pcap_get_selectable_fd", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG));
    private static final MethodHandle GETERR =
            find("pcap_geterr", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));

    private static final int MAX_ERROR_BYTES = 256;

    private Libpcap() {}

    private static MethodHandle find(String name, FunctionDescriptor type) {
        long address = Pointer.nativeValue(LIBRARY.getFunction(name));
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(address), type);
    }

    /** The {@code pcap_t *} of a handle, which pcap4j keeps to itself. */
    static long of(PcapHandle handle) {
        try {
            Field field = PcapHandle.class.getDeclaredField("handle");
            field.setAccessible(true);
            return Pointer.nativeValue((Pointer) field.get(handle));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("pcap4j is another than the one that we were built with", e);
        }
    }

    /**
     * Reads the next packet.
     *
     * @param header where the address of its {@code struct pcap_pkthdr} goes
     * @param data where the address of its bytes goes
     * @return 1 for a packet, 0 for none now, below 0 for an error
     */
    static int nextEx(long pcap, long header, long data) {
        try {
            return (int) NEXT_EX.invokeExact(pcap, header, data);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Sends a packet; 0 when the interface has taken it. */
    static int sendPacket(long pcap, long address, int bytes) {
        try {
            return (int) SENDPACKET.invokeExact(pcap, address, bytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** A descriptor to wait on, or -1. */
    static int selectableFd(long pcap) {
        try {
            return (int) SELECTABLE_FD.invokeExact(pcap);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** What the last error was, in libpcap's words. */
    static String error(long pcap) {
        try {
            return ((MemorySegment) GETERR.invokeExact(pcap))
                    .reinterpret(MAX_ERROR_BYTES)
                    .getString(0);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
