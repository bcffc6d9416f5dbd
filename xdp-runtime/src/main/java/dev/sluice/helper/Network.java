package dev.sluice.helper;

/**
 * What programs see of the network behind the packet: interfaces, routes, neighbours and sockets. The tables are immutable and are
 * replaced as a whole while programs run; any thread.
 */
public final class Network {
    private record Tables(Links links, RouteTable routes, Neighbours neighbours) {}

    private volatile Tables tables = new Tables(Links.NONE, RouteTable.NONE, Neighbours.NONE);

    private final ConntrackTable connections = new ConntrackTable();

    private volatile SocketTable sockets = SocketTable.NONE;

    /** Creates a network without interfaces, routes and neighbours. */
    public Network() {}

    /** Replaces everything at once. */
    public void set(Links links, RouteTable routes, Neighbours neighbours) {
        tables = new Tables(links, routes, neighbours);
    }

    /**
     * Reads all from what {@code ip addr}, {@code ip route} and {@code ip neigh} print.
     *
     * @throws NetworkException naming the text and the line that it cannot read; nothing is changed then
     */
    public void parse(String addr, String route, String neigh) {
        Links links = Links.parse(addr);
        set(links, RouteTable.parse(route, links), Neighbours.parse(neigh, links));
    }

    /** The connections that programs can look up and add. */
    public ConntrackTable connections() {
        return connections;
    }

    /** Replaces the sockets. */
    public void set(SocketTable newSockets) {
        sockets = newSockets;
    }

    /** The sockets that programs can look up. */
    public SocketTable sockets() {
        return sockets;
    }

    public Links links() {
        return tables.links;
    }

    public RouteTable routes() {
        return tables.routes;
    }

    public Neighbours neighbours() {
        return tables.neighbours;
    }
}
