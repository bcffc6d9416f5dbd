package dev.sluice.cli;

import dev.sluice.packet.measure.Timing;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Line2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/**
 * Bars in groups on a logarithmic scale, each with its value above and its quartiles as a whisker, written as SVG or PNG, with a
 * line that says so. What no group has is left out of the legend.
 */
final class BarChart {
    private static final int BAR = 34;
    private static final int GAP = 30;
    private static final int HEIGHT = 420;
    private static final int TOP = 90;
    private static final int BOTTOM = 50;
    private static final int LEFT = 90;
    private static final int RIGHT = 30;
    private static final int TEXT = 12;
    private static final int TITLE = 16;
    private static final int VALUE = 10;

    /** Of a letter, in its size: fonts differ, and this is more than most of them need. */
    private static final double LETTER = 0.62;

    private static final int KEY = 12;
    private static final int KEY_GAP = 18;
    private static final String LEGEND = "median of the rounds, whisker: their middle half, logarithmic scale";
    private static final int PNG_SCALE = 2;
    private static final String[] COLORS = {"#1b6ca8", "#d98324", "#5b8c5a", "#9a9a9a", "#8a4f7d", "#b23a48"};

    private final String title;
    private final List<String> series;
    private final List<Group> groups = new ArrayList<>();

    private record Group(String name, List<@Nullable Timing> bars) {}

    /** @param series names of a group's bars, in order */
    BarChart(String title, List<String> series) {
        this.title = title;
        this.series = series;
    }

    /** Adds a group; a bar that is null is not there. */
    void group(String name, Function<String, @Nullable Timing> bars) {
        List<@Nullable Timing> made = new ArrayList<>();
        series.forEach(one -> made.add(bars.apply(one)));
        groups.add(new Group(name, made));
    }

    /** Refuses a file that says neither SVG nor PNG, or that cannot be there, before anything is measured. */
    static void checkName(@Nullable Path file) {
        if (file != null && !isSvg(file) && !isPng(file)) {
            throw RunOptions.usage("--plot: expected a file named .svg or .png, found " + file);
        }
        Path folder = file == null ? null : file.toAbsolutePath().getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            throw new CommandFailure("--plot: " + file + ": its folder is not there");
        }
        if (file != null && Files.isDirectory(file)) {
            throw new CommandFailure("--plot: " + file + ": is a directory, expected a file");
        }
    }

    private static boolean isSvg(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).endsWith(".svg");
    }

    private static boolean isPng(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).endsWith(".png");
    }

    void write(Path file) {
        try {
            if (isSvg(file)) {
                SvgCanvas canvas = new SvgCanvas(width(), HEIGHT);
                draw(canvas);
                Files.writeString(file, canvas.end());
            } else {
                writePng(file);
            }
        } catch (IOException e) {
            throw new CommandFailure(file + ": cannot be written: " + ObjectOptions.reason(e));
        }
    }

    private void writePng(Path file) throws IOException {
        BufferedImage image = new BufferedImage(width() * PNG_SCALE, HEIGHT * PNG_SCALE, BufferedImage.TYPE_INT_RGB);
        try {
            System.setProperty("java.awt.headless", "true");
            Graphics2D graphics = image.createGraphics();
            graphics.scale(PNG_SCALE, PNG_SCALE);
            draw(new ImageCanvas(graphics));
            graphics.dispose();
        } catch (LinkageError | InternalError e) {
            throw new CommandFailure(
                    ExitCode.ENVIRONMENT,
                    file + ": this JDK cannot draw text here (no fonts?), expected an .svg file: " + e,
                    e);
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        if (!ImageIO.write(image, "png", bytes)) {
            throw new AssertionError("no writer for PNG");
        }
        Files.write(file, bytes.toByteArray()); // ImageIO's own files lose the reason when they cannot be written
    }

    // --- what both formats can do

    private interface Canvas {
        void rectangle(double x, double y, double width, double height, String color);

        void line(double x1, double y1, double x2, double y2, String color);

        /** @param anchor 0: x is the left end, 0.5: the middle, 1: the right end */
        void text(double x, double y, double anchor, int size, String text);
    }

    private int width() {
        double content = Math.max(bars(), Math.max(textWidth(LEGEND, TEXT), textWidth(title, TITLE)));
        for (int one : shown()) {
            content = Math.max(content, keyAt(one) + keyWidth(one));
        }
        return (int) Math.ceil(LEFT + content + RIGHT);
    }

    private double bars() {
        return groups.size() * (shown().size() * BAR + (double) GAP);
    }

    private static double textWidth(String text, int size) {
        return LETTER * size * text.length();
    }

    private double keyWidth(int one) {
        return KEY + 5 + textWidth(series.get(one), TEXT) + KEY_GAP;
    }

    /** Where a series' key begins, from the left end of the legend. */
    private double keyAt(int one) {
        return shown().stream()
                .filter(other -> other < one)
                .mapToDouble(this::keyWidth)
                .sum();
    }

    /** Indexes of the series that a group has. */
    private List<Integer> shown() {
        List<Integer> shown = new ArrayList<>();
        for (int i = 0; i < series.size(); i++) {
            int at = i;
            if (groups.stream().anyMatch(group -> group.bars.get(at) != null)) {
                shown.add(i);
            }
        }
        return shown;
    }

    private void draw(Canvas canvas) {
        double most = 1;
        double least = 1;
        for (Group group : groups) {
            for (Timing bar : group.bars) {
                if (bar != null) {
                    most = Math.max(most, bar.q3());
                    least = Math.min(least, Math.max(bar.q1(), 0.01));
                }
            }
        }
        int low = (int) Math.floor(Math.log10(least) + 1e-9);
        int high = Math.max((int) Math.ceil(Math.log10(most * 1.2)), low + 1);
        Scale scale = new Scale(low, high);
        canvas.rectangle(0, 0, width(), HEIGHT, "#ffffff");
        canvas.text(LEFT, 28, 0, TITLE, title);
        canvas.text(LEFT, 46, 0, TEXT, LEGEND);
        for (int power = low; power <= high; power++) {
            double y = scale.y(Math.pow(10, power));
            canvas.line(LEFT, y, width() - (double) RIGHT, y, "#cccccc");
            String value =
                    BenchResult.number(Math.pow(10, power)).replace(".00", "").replace(".0", "");
            canvas.text(LEFT - 8.0, y + 4, 1, TEXT, value + " ns");
        }
        List<Integer> shown = shown();
        for (int one : shown) {
            double x = LEFT + keyAt(one);
            canvas.rectangle(x, 58, KEY, KEY, color(one));
            canvas.text(x + KEY + 5, 68, 0, TEXT, series.get(one));
        }
        double x = LEFT + (width() - LEFT - RIGHT - bars()) / 2; // in the middle where the legend is wider
        for (Group group : groups) {
            x += GAP / 2.0;
            double begin = x;
            for (int one : shown) {
                Timing bar = group.bars.get(one);
                if (bar != null) {
                    bar(canvas, scale, x, bar, color(one));
                }
                x += BAR;
            }
            canvas.text((begin + x) / 2, HEIGHT - BOTTOM + 20.0, 0.5, TEXT, group.name);
            x += GAP / 2.0;
        }
    }

    private static void bar(Canvas canvas, Scale scale, double x, Timing bar, String color) {
        double top = scale.y(bar.median());
        canvas.rectangle(x + 2, top, BAR - 4, HEIGHT - BOTTOM - top, color);
        double middle = x + BAR / 2.0;
        double upper = scale.y(bar.q3());
        canvas.line(middle, scale.y(bar.q1()), middle, upper, "#333333");
        String value = BenchResult.number(bar.median());
        double width = textWidth(value, VALUE);
        double bottom = Math.min(top, upper) - 4;
        canvas.rectangle(middle - width / 2, bottom - VALUE + 1, width, VALUE + 1.0, "#ffffff"); // no line through it
        canvas.text(middle, bottom, 0.5, VALUE, value);
    }

    private static String color(int series) {
        return COLORS[series % COLORS.length];
    }

    /** Powers of ten from the bottom to the top. */
    private record Scale(int low, int high) {
        double y(double value) {
            double part = (Math.log10(Math.max(value, 1e-9)) - low) / (high - low);
            return HEIGHT - BOTTOM - Math.clamp(part, 0, 1) * (HEIGHT - BOTTOM - TOP);
        }
    }

    private static final class SvgCanvas implements Canvas {
        private final StringBuilder svg = new StringBuilder();

        SvgCanvas(int width, int height) {
            svg.append(String.format(
                    Locale.ROOT,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                            + "font-family=\"sans-serif\">\n",
                    width,
                    height,
                    width,
                    height));
        }

        @Override
        public void rectangle(double x, double y, double width, double height, String color) {
            add("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>", x, y, width, height, color);
        }

        @Override
        public void line(double x1, double y1, double x2, double y2, String color) {
            add("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>", x1, y1, x2, y2, color);
        }

        @Override
        public void text(double x, double y, double anchor, int size, String text) {
            String name = anchor == 0 ? "start" : anchor == 1 ? "end" : "middle";
            String escaped = text.replace("&", "&amp;").replace("<", "&lt;");
            add("<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\">%s</text>", x, y, size, name, escaped);
        }

        private void add(String format, Object... arguments) {
            svg.append(String.format(Locale.ROOT, format, arguments)).append('\n');
        }

        String end() {
            return svg.append("</svg>\n").toString();
        }
    }

    private record ImageCanvas(Graphics2D graphics) implements Canvas {
        ImageCanvas {
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        }

        @Override
        public void rectangle(double x, double y, double width, double height, String color) {
            graphics.setColor(Color.decode(color));
            graphics.fill(new Rectangle2D.Double(x, y, width, height));
        }

        @Override
        public void line(double x1, double y1, double x2, double y2, String color) {
            graphics.setColor(Color.decode(color));
            graphics.setStroke(new BasicStroke(1));
            graphics.draw(new Line2D.Double(x1, y1, x2, y2));
        }

        @Override
        public void text(double x, double y, double anchor, int size, String text) {
            graphics.setColor(Color.BLACK);
            graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, size));
            double width = graphics.getFontMetrics().stringWidth(text);
            graphics.drawString(text, (float) (x - anchor * width), (float) y);
        }
    }
}
