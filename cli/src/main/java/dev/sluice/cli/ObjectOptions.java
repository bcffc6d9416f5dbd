package dev.sluice.cli;

import dev.sluice.LoadException;
import dev.sluice.LoadedMap;
import dev.sluice.LoadedObject;
import dev.sluice.LoadedProgram;
import dev.sluice.VerificationException;
import dev.sluice.XdpRuntime;
import dev.sluice.btf.Btf;
import dev.sluice.map.BpfMap;
import dev.sluice.map.MapException;
import dev.sluice.object.MapSpec;
import dev.sluice.object.ObjectException;
import dev.sluice.object.ObjectSpec;
import dev.sluice.object.ProgramSpec;
import dev.sluice.object.ProgramType;
import dev.sluice.object.SectionName;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which program of which object, and what its maps and variables start with, for the commands that run one. */
final class ObjectOptions {
    @Option(
            names = "--prog",
            paramLabel = "NAME",
            description = "The program to run (default: the only XDP program of the object). A program whose section "
                    + "does not say its type is taken for XDP. Several run one after the other as libxdp's dispatcher "
                    + "runs them: by the priorities and chain-call actions that the object gives them "
                    + "(XDP_RUN_CONFIG), else in this order while they return XDP_PASS.")
    private List<String> programs = List.of();

    @Mixin
    private SpecOptions changes = new SpecOptions();

    @Option(
            names = "--map",
            paramLabel = "MAP=FILE",
            description = "Entries that a map starts with: JSON as map dumps have it, of bytes ([\"0x01\", …]) or, "
                    + "where the map has types, of values; programs and inner maps by name. May be repeated.")
    private List<String> maps = List.of();

    @Option(
            names = "--freplace",
            paramLabel = "[FUNCTION=]OBJ[:PROGRAM]",
            description =
                    "Replace a global function of the program by a program of another object (default: the function "
                            + "that its section names, freplace/FUNCTION). May be repeated.")
    private List<String> replacements = List.of();

    /**
     * A program of an object, or several, chosen but not loaded.
     *
     * @param programs in the order in which they were named
     * @param spec with all changes that users asked for
     * @param target the kernel's types, null for the built-in ones
     * @param contents files with the entries of maps, by the map's name
     * @param replacements of global functions
     */
    record Choice(
            Path file,
            ObjectSpec spec,
            List<ProgramSpec> programs,
            @Nullable Btf target,
            Map<String, Path> contents,
            List<Replacement> replacements) {
        /** Loads the object, and fills its maps. */
        LoadedObject load(XdpRuntime runtime) {
            return load(runtime, programs);
        }

        /** Loads the object with several of its programs, and fills its maps. */
        LoadedObject load(XdpRuntime runtime, List<ProgramSpec> programs) {
            return load(runtime, programs, Map.of());
        }

        /** @param reused maps to use in place of those of these names */
        LoadedObject load(XdpRuntime runtime, List<ProgramSpec> programs, Map<String, BpfMap> reused) {
            for (ProgramSpec program : programs) {
                if (!program.isXdp()) {
                    throw new CommandFailure(file + ": program " + program.name()
                            + " replaces a function of another program, see --freplace, section=" + program.section());
                }
            }
            try {
                List<ProgramSpec> wanted = new ArrayList<>(programs);
                ObjectSpec filled = spec;
                Map<String, MapFile> files = new LinkedHashMap<>();
                for (Map.Entry<String, Path> content : contents.entrySet()) {
                    MapFile entries = MapFile.read(file, spec, content.getKey(), content.getValue(), runtime.cpus());
                    filled = entries.changed(filled);
                    entries.programs().stream()
                            .map(name -> named(file, spec, name))
                            .filter(other -> !wanted.contains(other))
                            .forEach(wanted::add);
                    files.put(content.getKey(), entries);
                }
                LoadedObject object = runtime.load(filled, wanted, target, reused);
                files.values().forEach(entries -> entries.fill(runtime, object));
                return replaced(runtime, object);
            } catch (VerificationException e) {
                throw new CommandFailure(
                        ExitCode.REJECTED,
                        file + ": " + e.getMessage()
                                + "\nto run it all the same, with every access checked: --engine jit-checked",
                        null);
            } catch (ObjectException | LoadException | MapException e) {
                throw new CommandFailure(file + ": " + e.getMessage());
            }
        }

        /** The object with its functions replaced, and the maps of the replacing programs. */
        private LoadedObject replaced(XdpRuntime runtime, LoadedObject object) {
            LoadedObject changed = object;
            for (Replacement replacement : replacements) {
                LoadedObject other = runtime.load(replacement.spec, List.of(replacement.program), target);
                LoadedProgram with = other.program(replacement.program.name()).orElseThrow();
                List<LoadedProgram> loaded = new ArrayList<>();
                int count = 0;
                for (LoadedProgram program : changed.programs()) {
                    boolean calls = program.linked().functions().stream()
                            .skip(1)
                            .anyMatch(function -> function.name().equals(replacement.function));
                    count += calls ? 1 : 0;
                    loaded.add(calls ? runtime.replace(object, program, replacement.function, other, with) : program);
                }
                if (count == 0) {
                    throw new CommandFailure("--freplace: no program that was chosen calls such a function, function="
                            + replacement.function);
                }
                List<LoadedMap> maps = new ArrayList<>(changed.maps());
                maps.addAll(other.maps());
                changed = new LoadedObject(changed.spec(), maps, loaded);
            }
            return changed;
        }

        /** The only program, for what looks at one at a time. */
        ProgramSpec program() {
            if (programs.size() > 1) {
                throw RunOptions.usage("--prog: expected one program here, found "
                        + String.join(
                                ", ", programs.stream().map(ProgramSpec::name).toList()));
            }
            return programs.getFirst();
        }

        /** The program of {@link #load}'s result, or all of them as one. */
        LoadedProgram program(XdpRuntime runtime, LoadedObject object) {
            return ObjectOptions.program(runtime, object, programs);
        }
    }

    /** A program of another object for a function. */
    record Replacement(String function, ObjectSpec spec, ProgramSpec program) {}

    private List<Replacement> replacements() {
        List<Replacement> read = new ArrayList<>();
        for (String text : replacements) {
            int equals = text.indexOf('=');
            String source = text.substring(equals + 1);
            int colon = source.lastIndexOf(':');
            boolean named = colon > 0 && !Files.exists(Path.of(source));
            Path file = Path.of(named ? source.substring(0, colon) : source);
            ObjectSpec spec = read(file);
            List<ProgramSpec> all = spec.programs();
            if (!named && all.size() != 1) {
                throw new CommandFailure(
                        file + ": several programs, choose one with --freplace OBJ:PROGRAM: " + names(all));
            }
            ProgramSpec program = named ? named(file, spec, source.substring(colon + 1)) : all.getFirst();
            String function =
                    equals > 0 ? text.substring(0, equals) : program.type().target();
            if (function.isEmpty()) {
                throw RunOptions.usage("--freplace: expected FUNCTION=OBJ, as the section of " + program.name()
                        + " names no function, found " + text);
            }
            read.add(new Replacement(function, spec, program));
        }
        return read;
    }

    /** Refuses types and configuration of another kernel, see {@link SpecOptions#refuseKernels}. */
    void refuseKernels(String what) {
        if (!replacements.isEmpty()) {
            throw RunOptions.usage("--freplace: cannot be given with " + what);
        }
        changes.refuseKernels(what);
    }

    /** The first of these options that was given. */
    Optional<String> given() {
        return !programs.isEmpty()
                ? Optional.of("--prog")
                : changes.given()
                        .or(() -> maps.isEmpty() ? Optional.empty() : Optional.of("--map"))
                        .or(() -> replacements.isEmpty() ? Optional.empty() : Optional.of("--freplace"));
    }

    /** A program of a loaded object, or several as one. */
    static LoadedProgram program(XdpRuntime runtime, LoadedObject object, List<ProgramSpec> programs) {
        if (programs.size() == 1) {
            return object.program(programs.getFirst().name()).orElseThrow();
        }
        return LoadedProgram.of(runtime.chain(
                programs.stream().map(program -> object.link(program.name())).toList()));
    }

    Choice choose(Path file) {
        return choose(file, read(file));
    }

    /** @param file for messages */
    Choice choose(Path file, ObjectSpec read) {
        Map<Path, ObjectSpec> specs = new LinkedHashMap<>();
        specs.put(file, changes.apply(file, read));
        return new Choice(
                file,
                of(specs, file),
                choose(file, of(specs, file), program().orElse(null)),
                changes.target(),
                of(contents(specs), file),
                replacements());
    }

    /**
     * Chooses a program of each of several objects. What is changed is changed in the first one; a map's entries are for the
     * first object that has the map.
     *
     * @param programs by file, null for the only XDP program
     */
    Map<Path, Choice> choose(Map<Path, Optional<String>> programs) {
        Map<Path, ObjectSpec> specs = new LinkedHashMap<>();
        for (Path file : programs.keySet()) {
            specs.put(file, specs.isEmpty() ? changes.apply(file, read(file)) : read(file));
        }
        Map<Path, Map<String, Path>> contents = contents(specs);
        Map<Path, Choice> choices = new LinkedHashMap<>();
        programs.forEach((file, name) -> choices.put(
                file,
                new Choice(
                        file,
                        of(specs, file),
                        choose(file, of(specs, file), name.orElse(null)),
                        changes.target(),
                        of(contents, file),
                        choices.isEmpty() ? replacements() : List.of())));
        return choices;
    }

    /**
     * Programs of an object as it is.
     *
     * @param programs names with a plus sign between them; null for the only XDP program
     */
    static Choice plain(Path file, @Nullable String programs) {
        ObjectSpec spec = read(file);
        return new Choice(file, spec, choose(file, spec, programs), null, Map.of(), List.of());
    }

    /** The names of {@code --prog}, with a plus sign between them. */
    Optional<String> program() {
        return programs.isEmpty() ? Optional.empty() : Optional.of(String.join("+", programs));
    }

    /** The files of {@code --map} by object and by the map's name. */
    private Map<Path, Map<String, Path>> contents(Map<Path, ObjectSpec> specs) {
        Map<Path, Map<String, Path>> contents = new LinkedHashMap<>();
        specs.keySet().forEach(file -> contents.put(file, new LinkedHashMap<>()));
        for (String map : maps) {
            int equals = map.indexOf('=');
            if (equals < 1 || equals == map.length() - 1) {
                throw RunOptions.usage("--map: expected MAP=FILE, found " + map);
            }
            String name = map.substring(0, equals);
            Path object = specs.keySet().stream()
                    .filter(file -> known(of(specs, file), name).isPresent())
                    .findFirst()
                    .orElseThrow(() -> new CommandFailure("--map: no such map, expected one of "
                            + String.join(
                                    ", ",
                                    specs.values().stream()
                                            .map(SpecOptions::names)
                                            .toList())
                            + ", name=" + name));
            String known = known(of(specs, object), name).orElseThrow();
            if (of(contents, object).put(known, Path.of(map.substring(equals + 1))) != null) {
                throw RunOptions.usage("--map: " + name + " is there twice");
            }
        }
        return contents;
    }

    private static <T> T of(Map<Path, T> map, Path file) {
        return Objects.requireNonNull(map.get(file));
    }

    /** A map's full name: for global variables the section's name is as good as libbpf's. */
    private static Optional<String> known(ObjectSpec spec, String name) {
        return spec.map(name).or(() -> spec.map("." + name)).map(MapSpec::name);
    }

    /** Reads an object file. */
    static ObjectSpec read(Path file) {
        try {
            return ObjectSpec.read(file.toString(), Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            throw new CommandFailure(file + ": no such file");
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be read: " + reason(e));
        } catch (ObjectException e) {
            throw new CommandFailure(String.valueOf(e.getMessage()));
        }
    }

    static String reason(IOException e) {
        return switch (e) {
            case CharacterCodingException binary -> "expected text in UTF-8, found other bytes";
            case FileAlreadyExistsException other -> "is there and is no folder";
            case NoSuchFileException gone -> "no such folder";
            case AccessDeniedException denied -> "permission denied";
            case FileSystemException other when other.getReason() != null -> other.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }

    /**
     * Chooses a program, or several.
     *
     * @param names with a plus sign between them; null for the only XDP program
     */
    static List<ProgramSpec> choose(Path file, ObjectSpec spec, @Nullable String names) {
        if (names != null) {
            List<ProgramSpec> chosen = new ArrayList<>();
            for (String name : names.split("\\+", -1)) {
                ProgramSpec program = named(file, spec, name);
                if (chosen.contains(program)) {
                    throw RunOptions.usage("--prog: " + name + " is there twice");
                }
                chosen.add(program);
            }
            return chosen;
        }
        return List.of(only(file, spec));
    }

    private static ProgramSpec only(Path file, ObjectSpec spec) {
        List<ProgramSpec> candidates = spec.xdpPrograms();
        if (candidates.isEmpty()) {
            List<ProgramSpec> untold = spec.programs().stream()
                    .filter(program -> SectionName.otherType(program.section()).isEmpty())
                    .toList();
            if (untold.isEmpty()) {
                throw new CommandFailure(file + ": no XDP program, found " + names(spec.programs()));
            }
            if (untold.size() > 1) {
                throw new CommandFailure(
                        file + ": no program's section says that it is XDP, choose one with --prog: " + names(untold));
            }
            candidates = List.of(asXdp(file, untold.getFirst()));
        }
        if (candidates.size() > 1) {
            throw new CommandFailure(file + ": several XDP programs, choose one with --prog: " + names(candidates));
        }
        return candidates.getFirst();
    }

    private static ProgramSpec named(Path file, ObjectSpec spec, String name) {
        Optional<ProgramSpec> named = spec.program(name);
        if (named.isEmpty()) {
            throw new CommandFailure(
                    file + ": no such program, expected one of " + names(spec.programs()) + ", name=" + name);
        }
        return asXdp(file, named.get());
    }

    private static ProgramSpec asXdp(Path file, ProgramSpec program) {
        ProgramSpec xdp = program.asXdp();
        if (!xdp.isXdp() && xdp.type().type() != ProgramType.EXT) {
            throw new CommandFailure(
                    file + ": program " + program.name() + " is not XDP, section=" + program.section());
        }
        return xdp;
    }

    private static String names(List<ProgramSpec> programs) {
        return String.join(
                ", ",
                programs.stream()
                        .map(program -> program.name() + " (" + program.section() + ")")
                        .toList());
    }
}
