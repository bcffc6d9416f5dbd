package dev.sluice.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/**
 * Calls something when a signal arrives. The JDK's way to that is in a package of which javac warns, so it is used by
 * reflection; where it is not there, signals do nothing.
 */
final class Request implements AutoCloseable {
    private final @Nullable Object signal;
    private final @Nullable Object before;

    private final Answer answer;

    /** What is called, once at a time, and not when it is over. */
    private static final class Answer {
        private final Runnable action;
        private boolean over;

        Answer(Runnable action) {
            this.action = action;
        }

        synchronized void give() {
            if (!over) {
                action.run();
            }
        }

        synchronized void end() {
            over = true;
        }
    }

    private Request(@Nullable Object signal, @Nullable Object before, Answer answer) {
        this.signal = signal;
        this.before = before;
        this.answer = answer;
    }

    /**
     * Until it is closed, a signal calls this on a thread of its own; closing waits until that has returned.
     *
     * @param name without SIG
     */
    static Request on(String name, Runnable action) {
        Answer answer = new Answer(action);
        try {
            Object signal = Class.forName("sun.misc.Signal")
                    .getConstructor(String.class)
                    .newInstance(name);
            InvocationHandler calls = (proxy, method, arguments) -> switch (method.getName()) {
                case "handle" -> {
                    answer.give();
                    yield null;
                }
                case "hashCode" -> System.identityHashCode(proxy);
                case "equals" -> System.identityHashCode(proxy) == System.identityHashCode(arguments[0]);
                default -> "request";
            };
            return new Request(
                    signal,
                    handle(
                            signal,
                            Proxy.newProxyInstance(
                                    Request.class.getClassLoader(), new Class<?>[] {handlerType()}, calls)),
                    answer);
        } catch (ReflectiveOperationException e) {
            return new Request(null, null, answer);
        }
    }

    private static Class<?> handlerType() throws ClassNotFoundException {
        return Class.forName("sun.misc.SignalHandler");
    }

    private static Object handle(Object signal, @Nullable Object handler) throws ReflectiveOperationException {
        return signal.getClass()
                .getMethod("handle", signal.getClass(), handlerType())
                .invoke(null, signal, handler);
    }

    @Override
    public void close() {
        if (signal != null) {
            answer.end();
            try {
                handle(signal, before);
            } catch (ReflectiveOperationException e) {
                throw new AssertionError(e);
            }
        }
    }
}
