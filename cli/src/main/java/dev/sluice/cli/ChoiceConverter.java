package dev.sluice.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the values of an enum as they are written on the command line, in any case: {@code jit-checked}. */
record ChoiceConverter<E extends Enum<E>>(Class<E> type) implements ITypeConverter<E> {
    /** How a value is written. */
    static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    @Override
    public E convert(String text) {
        List<E> values = Arrays.asList(type.getEnumConstants());
        return values.stream()
                .filter(value -> word(value).equalsIgnoreCase(text))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException("expected "
                        + values.subList(0, values.size() - 1).stream()
                                .map(ChoiceConverter::word)
                                .collect(Collectors.joining(", "))
                        + " or " + word(values.getLast()) + ", found " + text));
    }
}
