# To be sourced, with $home as the project's folder.

# module_java MODULE ARGUMENT...: builds a module without its tests, and becomes java with its classes and those arguments.
module_java() {
    module=$1
    shift
    # shellcheck source=find-jdk.sh
    . "$home/.mvn/find-jdk.sh"
    find_jdk || { echo "${0##*/}: $no_jdk" >&2; exit 1; }
    rm -rf "$home/$module/target/lib" # versions of before
    SLUICE_JAVA_HOME=$jdk "$home/mvnw" -q -B -f "$home/pom.xml" -pl "$module" -am -Dmaven.test.skip=true package >&2
    exec "$jdk/bin/java" --enable-native-access=ALL-UNNAMED --add-exports java.base/jdk.internal.misc=ALL-UNNAMED \
        -cp "$home/$module/target/classes:$home/$module/target/lib/*" "$@"
}
