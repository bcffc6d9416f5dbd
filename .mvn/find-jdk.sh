# shellcheck shell=sh
# Sourced by ./mvnw and ./sluice: find_jdk sets jdk to the home of a JDK 25 or later, or returns 1.
# No JVM is started: a JDK says its version in its file `release`.

# is_jdk HOME: HOME is a JDK (not only a runtime) of version 25 or later
is_jdk() {
    [ -n "$1" ] && [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
    while IFS='=' read -r key value; do
        if [ "$key" = JAVA_VERSION ]; then
            value=${value#\"}
            value=${value%%[!0-9]*}
            [ "${value:-0}" -ge 25 ]
            return
        fi
    done < "$1/release"
    return 1
}

find_jdk() {
    for jdk in "${SLUICE_JAVA_HOME:-}" "${JAVA25_HOME:-}" "${JAVA_HOME:-}"; do
        if is_jdk "$jdk"; then return 0; fi
    done
    if jdk=$(command -v java) && jdk=$(readlink -f "$jdk" 2> /dev/null); then
        jdk=${jdk%/bin/java}
        if is_jdk "$jdk"; then return 0; fi
    fi
    for jdk in /usr/lib/jvm/* /usr/java/* /opt/*jdk* /opt/java/* "${HOME:-}"/.sdkman/candidates/java/* \
        "${HOME:-}"/.jdks/* /Library/Java/JavaVirtualMachines/*/Contents/Home; do
        if is_jdk "$jdk"; then return 0; fi
    done
    jdk=
    return 1
}

# shellcheck disable=SC2034
no_jdk="no JDK 25 or later found: install one (for example Temurin 25) or set SLUICE_JAVA_HOME to its folder"
