package dev.sluice.map;

/** The kernel's error numbers that maps and helpers answer with, by name (asm-generic/errno-base.h and errno.h). */
public enum Errno {
    EPERM(1),
    ENOENT(2),
    ESRCH(3),
    E2BIG(7),
    EBADF(9),
    EAGAIN(11),
    ENOMEM(12),
    EACCES(13),
    EFAULT(14),
    EBUSY(16),
    EEXIST(17),
    ENODEV(19),
    EINVAL(22),
    ENOSPC(28),
    ERANGE(34),
    EDEADLK(35),
    ENODATA(61),
    EOVERFLOW(75),
    ENOTSOCK(88),
    ENOTSUP(95),
    EOPNOTSUPP(95),
    EAFNOSUPPORT(97),
    ENOTSUPP(524);

    private final int number;

    Errno(int number) {
        this.number = number;
    }

    /** The positive number. */
    public int number() {
        return number;
    }

    /** The negative number, as functions of the kernel return it. */
    public int negative() {
        return -number;
    }

    /** The first name of an error number, negative or positive; {@code "errno N"} for one that is not in the table. */
    public static String nameOf(int number) {
        int positive = Math.abs(number);
        for (Errno errno : values()) {
            if (errno.number == positive) {
                return errno.name();
            }
        }
        return "errno " + positive;
    }
}
