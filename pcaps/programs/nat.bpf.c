/*
 * Source NAT for TCP and UDP over IPv4: what comes from one of the private
 * networks 10/8, 172.16/12 and 192.168/16 gets the address 203.0.113.1 and a
 * port from 20000 upwards, what comes back is translated back. The checksums
 * are corrected with bpf_csum_diff. Two hash maps hold the connections, one
 * per direction; RST removes both entries (bpf_map_delete_elem). Fragments pass
 * untouched; when all ports are used up, packets are dropped.
 */
#include "packet.h"

#define PUBLIC_IP bpf_htonl(0xcb007101) /* 203.0.113.1 */
#define FIRST_PORT 20000
#define PORTS 512

struct endpoint {
	__be32 ip;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTS);
	__type(key, struct endpoint); /* private */
	__type(value, __be16); /* public port */
} outgoing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PORTS);
	__type(key, struct endpoint); /* public */
	__type(value, struct endpoint); /* private */
} incoming SEC(".maps");

struct stats {
	__u64 out;
	__u64 in;
	__u64 untouched;
	__u64 closed;
	__u64 no_port;
};

struct stats stats;
__u16 next_port = FIRST_PORT;

static __always_inline int is_private(__be32 ip)
{
	__u32 a = bpf_ntohl(ip);

	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8;
}

/* Replaces the address and the port, and corrects both checksums. */
static __always_inline void rewrite(struct ipv4_hdr *ip, void *l4_check, __be32 *ip_field, __be16 *port_field,
				    __be32 ip_new, __be16 port_new)
{
	__be32 was[2] = { *ip_field, *port_field };
	__be32 now[2] = { ip_new, port_new };
	__u16 *check = l4_check;

	ip->check = csum_fold(bpf_csum_diff(was, 4, now, 4, (__u16)~ip->check));
	if (ip->proto == IPPROTO_TCP || *check) {
		*check = csum_fold(bpf_csum_diff(was, 8, now, 8, (__u16)~*check));
		if (ip->proto == IPPROTO_UDP && !*check)
			*check = 0xffff; /* 0 means that there is none */
	}
	*ip_field = ip_new;
	*port_field = port_new;
}

SEC("xdp")
int nat(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct endpoint private = {}, public = {};
	void *check;
	int reset = 0;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	struct ipv4_hdr *ip = (void *)(eth + 1);
	struct udp_hdr *ports = (void *)(ip + 1);
	if (eth->proto != bpf_htons(ETH_P_IP) || (void *)(ports + 1) > end || ip->version_ihl != 0x45 ||
	    (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK)))
		goto untouched;
	if (ip->proto == IPPROTO_TCP) {
		struct tcp_hdr *tcp = (void *)ports;
		if ((void *)(tcp + 1) > end)
			goto untouched;
		check = &tcp->check;
		reset = tcp->flags & TCP_RST;
	} else if (ip->proto == IPPROTO_UDP) {
		check = &ports->check;
	} else {
		goto untouched;
	}

	private.proto = public.proto = ip->proto;
	public.ip = PUBLIC_IP;
	if (is_private(ip->src) && ip->dst != PUBLIC_IP) {
		private.ip = ip->src;
		private.port = ports->src;
		__be16 *port = bpf_map_lookup_elem(&outgoing, &private);
		if (port) {
			public.port = *port;
		} else {
			public.port = bpf_htons(next_port);
			if (bpf_map_update_elem(&outgoing, &private, &public.port, BPF_NOEXIST) ||
			    bpf_map_update_elem(&incoming, &public, &private, BPF_ANY)) {
				stats.no_port++;
				return XDP_DROP;
			}
			next_port = next_port == FIRST_PORT + PORTS - 1 ? FIRST_PORT : next_port + 1;
		}
		rewrite(ip, check, &ip->src, &ports->src, PUBLIC_IP, public.port);
		stats.out++;
	} else if (ip->dst == PUBLIC_IP) {
		public.port = ports->dst;
		struct endpoint *to = bpf_map_lookup_elem(&incoming, &public);
		if (!to)
			goto untouched;
		private = *to;
		rewrite(ip, check, &ip->dst, &ports->dst, private.ip, private.port);
		stats.in++;
	} else {
		goto untouched;
	}

	if (reset) {
		bpf_map_delete_elem(&outgoing, &private);
		bpf_map_delete_elem(&incoming, &public);
		stats.closed++;
	}
	return XDP_TX;

untouched:
	stats.untouched++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
