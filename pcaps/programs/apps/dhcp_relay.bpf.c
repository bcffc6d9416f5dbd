/*
 * A DHCP relay (RFC 2131, RFC 3046): broadcasts of clients are given the
 * relay's address and an option 82 with the port and the VLANs that they came
 * by, and go to the server as unicast; the packet grows at its end, the options are
 * copied over the stack.
 */
#include "app.h"

#define BOOTP_BYTES 236
#define MAGIC 0x63825363
#define MAX_OPTIONS 160
#define OPTION_82 8

struct dhcp_hdr {
	__u8 op;
	__u8 htype;
	__u8 hlen;
	__u8 hops;
	__be32 xid;
	__be16 secs;
	__be16 flags;
	__be32 ciaddr;
	__be32 yiaddr;
	__be32 siaddr;
	__be32 giaddr;
	__u8 chaddr[16];
	__u8 sname[64];
	__u8 file[128];
	__be32 magic;
} __attribute__((packed));

struct pool {
	__be32 relay;
	__be32 server;
	__u64 requests;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u16); /* VLAN */
	__type(value, struct pool);
	__uint(max_entries, 128);
} pools SEC(".maps");

enum event { EV_RELAYED, EV_NO_POOL, EV_MALFORMED, EV_TOO_LONG, EV_HOPS, EV_NO_END, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int drop(enum event event)
{
	count_in(&events, event, 0);
	return XDP_DROP;
}

/* Where the end option is, within the copy of the options; -1 when there is none. */
static __noinline int find_end(__u8 *options, __u32 length)
{
	__u32 at = 0;

	if (!options)
		return -1;
	for (int i = 0; i < 24; i++) {
		if (at >= length || at >= MAX_OPTIONS - 2)
			return -1;
		if (options[at] == 255)
			return at;
		if (options[at] == 0)
			at++;
		else
			at += 2 + options[at + 1];
	}
	return -1;
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u8[256]);
	__uint(max_entries, 1);
} buffers SEC(".maps");

SEC("xdp")
int dhcp_relay(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 start, length, zero = 0;
	__be16 proto;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan), at;
	struct pool *pool;
	__u8 *buffer;

	if (off < 0 || proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	struct ipv4_hdr *ip = data + off;
	struct udp_hdr *udp = (void *)(ip + 1);
	struct dhcp_hdr *dhcp = (void *)(udp + 1);

	if ((void *)(udp + 1) > end || ip->version_ihl != 0x45 || ip->proto != IPPROTO_UDP || udp->dst != bpf_htons(67))
		return XDP_PASS;
	if ((void *)(dhcp + 1) > end || dhcp->op != 1 || dhcp->magic != bpf_htonl(MAGIC))
		return drop(EV_MALFORMED);
	if (dhcp->hops >= 4)
		return drop(EV_HOPS);
	pool = bpf_map_lookup_elem(&pools, &vlan);
	if (!pool)
		return drop(EV_NO_POOL);
	__sync_fetch_and_add(&pool->requests, 1);
	start = off + sizeof(*ip) + sizeof(*udp) + sizeof(*dhcp);
	length = end - data;
	if (length <= start)
		return drop(EV_MALFORMED);
	length -= start;
	if (length > MAX_OPTIONS)
		return drop(EV_TOO_LONG);
	buffer = bpf_map_lookup_elem(&buffers, &zero);
	if (!buffer)
		return drop(EV_MALFORMED);
	asm volatile("" : "+r"(length));
	if (length == 0 || length > MAX_OPTIONS)
		return drop(EV_TOO_LONG);
	if (bpf_xdp_load_bytes(ctx, start, buffer, length))
		return drop(EV_MALFORMED);
	at = find_end(buffer, length);
	if (at < 0 || at > MAX_OPTIONS)
		return drop(EV_NO_END);
	/* option 82, circuit id: port and VLAN; then the end again */
	buffer[at] = 82;
	buffer[at + 1] = OPTION_82 - 2;
	buffer[at + 2] = 1;
	buffer[at + 3] = 4;
	buffer[at + 4] = ctx->ingress_ifindex >> 8;
	buffer[at + 5] = ctx->ingress_ifindex;
	buffer[at + 6] = vlan >> 8;
	buffer[at + 7] = vlan;
	buffer[at + 8] = 255;
	at += OPTION_82 + 1;
	if (bpf_xdp_adjust_tail(ctx, (int)(at - length)))
		return drop(EV_TOO_LONG);
	if (bpf_xdp_store_bytes(ctx, start, buffer, at))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	ip = data + off;
	udp = (void *)(ip + 1);
	dhcp = (void *)(udp + 1);
	if ((void *)(dhcp + 1) > end)
		return XDP_ABORTED;
	dhcp->giaddr = pool->relay;
	dhcp->hops++;
	ip->src = pool->relay;
	ip->dst = pool->server;
	ip->total_len = bpf_htons(end - data - off);
	ip->ttl = 64;
	ip->check = ipv4_csum(ip);
	udp->src = bpf_htons(67);
	udp->len = bpf_htons(end - data - off - sizeof(*ip));
	udp->check = 0;
	count_in(&events, EV_RELAYED, end - data);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
