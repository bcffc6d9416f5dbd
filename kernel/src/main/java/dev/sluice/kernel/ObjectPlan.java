package dev.sluice.kernel;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@link KernelObject#load} is to make: maps, BTF and programs, which name each other by name. It knows nothing of
 * object files, so that a loader, a test and a generator of programs can all write one. Immutable; arrays are not copied:
 * do not change them.
 *
 * @param name what the whole is called in messages
 * @param btf a .BTF section that the kernel takes; null for none
 * @param license of all programs
 * @param unlinkable programs that never came to be instructions: results like those that the verifier refuses
 */
public record ObjectPlan(
        String name,
        byte @Nullable [] btf,
        String license,
        List<MapPlan> maps,
        List<ProgramPlan> programs,
        List<Unlinkable> unlinkable) {

    public ObjectPlan {
        maps = List.copyOf(maps);
        programs = List.copyOf(programs);
        unlinkable = List.copyOf(unlinkable);
    }

    /** A program that could not be linked, and why. */
    public record Unlinkable(String name, String message) {}

    /**
     * A map.
     *
     * @param attributes all but {@code inner} and {@code btf}, which do not exist yet; its name is the map's name here
     * @param btfKeyTypeId type of the key in the object's BTF; 0 for none
     * @param btfValueTypeId type of the value; 0 for none
     * @param inner for maps of maps: what the maps in it are like; else null
     * @param values entries that it starts with
     * @param mapSlots entries that hold other maps, by name: of a map of maps
     * @param programSlots entries that hold programs, by name: of a program array
     * @param frozen whether user space may not change it after {@code values}: the verifier then takes what a read-only
     *     map holds for constants
     * @param bound whether every program names it among its maps, used or not
     */
    public record MapPlan(
            MapAttributes attributes,
            int btfKeyTypeId,
            int btfValueTypeId,
            @Nullable MapPlan inner,
            List<MapEntry> values,
            List<Slot> mapSlots,
            List<Slot> programSlots,
            boolean frozen,
            boolean bound) {

        public MapPlan {
            values = List.copyOf(values);
            mapSlots = List.copyOf(mapSlots);
            programSlots = List.copyOf(programSlots);
        }

        /** A map without types or contents. */
        public static MapPlan of(MapAttributes attributes) {
            return new MapPlan(attributes, 0, 0, null, List.of(), List.of(), List.of(), false, false);
        }

        public String name() {
            return attributes.name;
        }
    }

    /** {@code key} is to hold the map or program of that name. */
    public record Slot(byte[] key, String target) {}

    /**
     * A program, with the functions that it calls.
     *
     * @param type {@code enum bpf_prog_type}
     * @param flags {@code prog_flags}
     * @param instructions linked; the first slot of an instruction that loads a map has the src field of
     *     BPF_PSEUDO_MAP_FD or BPF_PSEUDO_MAP_VALUE, and any imm
     * @param mapReferences which of them
     * @param funcInfo {@code struct bpf_func_info[]} of 8 bytes; empty for none
     * @param lineInfo {@code struct bpf_line_info[]} of 16 bytes; empty for none
     */
    public record ProgramPlan(
            String name,
            int type,
            int expectedAttachType,
            int flags,
            byte[] instructions,
            List<MapReference> mapReferences,
            byte[] funcInfo,
            byte[] lineInfo) {

        public ProgramPlan {
            mapReferences = List.copyOf(mapReferences);
        }

        /** An XDP program without types and lines. */
        public static ProgramPlan xdp(String name, byte[] instructions, List<MapReference> mapReferences) {
            return new ProgramPlan(
                    name, Uapi.PROG_TYPE_XDP, 0, 0, instructions, mapReferences, new byte[0], new byte[0]);
        }
    }

    /**
     * An instruction that loads a map or the address of its value.
     *
     * @param slot number of the 8-byte slot where the instruction begins
     * @param map the map's name
     */
    public record MapReference(int slot, String map) {}
}
