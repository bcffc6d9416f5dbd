package dev.sluice.packet.tap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class TapDeviceTest {
    @Test
    void makesAnInterfaceAndTakesItAway() throws Exception {
        try (NetNamespace net = new NetNamespace()) {
            TapDevice tap = net.call(() -> TapDevice.open("tap7"));
            net.call(() -> {
                assertThat(tap.name()).isEqualTo("tap7");
                assertThat(tap.link().isUp()).isFalse();
                tap.up(true);
                assertThat(tap.link().isUp()).isTrue();
                assertThat(tap.mtu()).isEqualTo(1500);
                tap.mtu(9000);
                assertThat(tap.mtu()).isEqualTo(9000);
                byte[] mac = {2, 0, 0, 0, 0, 9};
                tap.link().mac(mac);
                assertThat(tap.link().mac()).isEqualTo(mac);
                return null;
            });
            assertThat(net.must("ip", "link", "show", "dev", "tap7"))
                    .contains("mtu 9000")
                    .contains("02:00:00:00:00:09")
                    .startsWith(net.call(tap::ifindex) + ":");
            tap.close();
            assertThat(net.run("ip", "link", "show", "dev", "tap7").status()).isNotZero();
        }
    }

    @Test
    void aPatternGetsAFreeNumber() throws Exception {
        try (NetNamespace net = new NetNamespace();
                TapDevice one = net.call(() -> TapDevice.open("x%d"));
                TapDevice two = net.call(() -> TapDevice.open("x%d"))) {
            assertThat(one.name()).isEqualTo("x0");
            assertThat(two.name()).isEqualTo("x1");
        }
    }

    @Test
    void anInterfaceThatWasThereStays() throws Exception {
        try (NetNamespace net = new NetNamespace()) {
            net.must("ip", "tuntap", "add", "dev", "kept0", "mode", "tap");
            net.call(() -> {
                TapDevice.open("kept0").close();
                return null;
            });
            assertThat(net.must("ip", "link", "show", "dev", "kept0")).contains("kept0");
        }
    }

    @Test
    void refusalsSayWhatToDo() throws Exception {
        assertThatThrownBy(() -> TapDevice.open("a name that is too long"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected 1 to 15 characters");
        try (NetNamespace net = new NetNamespace();
                TapDevice tap = net.call(() -> TapDevice.open("busy0"))) {
            assertThatThrownBy(() -> net.call(() -> TapDevice.open(tap.name())))
                    .isInstanceOf(TapException.class)
                    .hasMessageStartingWith("tap busy0: cannot make the interface: ")
                    .hasMessageContaining("another program has it open");
            assertThatThrownBy(() -> net.call(() -> TapDevice.open("lo")))
                    .isInstanceOf(TapException.class)
                    .hasMessageContaining("is no single-queue TAP");
            assertThatThrownBy(() -> net.call(() -> {
                        tap.mtu(7);
                        return null;
                    }))
                    .isInstanceOf(TapException.class)
                    .hasMessageStartingWith("tap busy0: cannot set mtu=7: ");
        }
    }
}
