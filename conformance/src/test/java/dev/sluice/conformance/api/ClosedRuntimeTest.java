package dev.sluice.conformance.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Engines;
import dev.sluice.LoadedObject;
import dev.sluice.XdpRuntime;
import dev.sluice.conformance.Pcaps;
import dev.sluice.map.Errno;
import dev.sluice.map.MapException;
import dev.sluice.object.ObjectSpec;
import org.junit.jupiter.api.Test;

/** What is kept of an object longer than its runtime touches no memory that has been given back. */
class ClosedRuntimeTest {
    @Test
    void variablesAreRefused() throws Exception {
        ObjectSpec spec = ObjectSpec.read(Pcaps.object("globals"));
        LoadedObject object;
        try (XdpRuntime runtime = new XdpRuntime(Engines.interpreter(), 1, 0)) {
            object = runtime.load(spec, spec.xdpPrograms());
            object.set("zeroed", 7);
            assertThat(object.get("zeroed", Integer.class)).isEqualTo(7);
        }
        assertThatThrownBy(() -> object.get("zeroed"))
                .isInstanceOfSatisfying(
                        MapException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBADF));
        assertThatThrownBy(() -> object.set("zeroed", 8))
                .isInstanceOfSatisfying(
                        MapException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBADF));
    }
}
