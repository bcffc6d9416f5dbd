/*
 * Port knocking: SSH opens to an address that knocks at three UDP ports in
 * order; a wrong knock closes it again. The door and the sequence are constants
 * that a loader may change.
 */
#include "app.h"

#define KNOCKS 3

struct knocker {
	__u32 step;
	__u32 wrong;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct knocker);
	__uint(max_entries, 1024);
} knockers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, __u64);
	__uint(max_entries, 256);
} opened SEC(".maps");

const volatile __u16 sequence[KNOCKS] = { 7001, 7002, 7003 };
const volatile __u16 door = 22;

__u64 refused;

SEC("xdp")
int port_knock(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct knocker *knocker, fresh = {};
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	__be32 source;
	__u16 port;

	if (eth->proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45)
		return XDP_PASS;
	source = ip->src;
	if (ip->proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, ip + 1, end, XDP_PASS)

		if (bpf_ntohs(tcp->dst) != door)
			return XDP_PASS;
		__u64 *visits = bpf_map_lookup_elem(&opened, &source);

		if (visits) {
			__sync_fetch_and_add(visits, 1);
			return XDP_PASS;
		}
		__sync_fetch_and_add(&refused, 1);
		return XDP_DROP;
	}
	if (ip->proto != IPPROTO_UDP)
		return XDP_PASS;
	HEADER_OR_RETURN(struct udp_hdr, udp, ip + 1, end, XDP_PASS)

	port = bpf_ntohs(udp->dst);
	if (port < 7000 || port > 7010)
		return XDP_PASS;
	knocker = bpf_map_lookup_elem(&knockers, &source);
	if (!knocker) {
		bpf_map_update_elem(&knockers, &source, &fresh, BPF_NOEXIST);
		knocker = bpf_map_lookup_elem(&knockers, &source);
		if (!knocker)
			return XDP_DROP;
	}
	__u32 step = knocker->step;

	if (step < KNOCKS && port == sequence[step]) {
		knocker->step = step + 1;
		if (step + 1 == KNOCKS) {
			__u64 zero = 0;

			bpf_map_update_elem(&opened, &source, &zero, BPF_ANY);
			knocker->step = 0;
		}
	} else {
		knocker->step = 0;
		knocker->wrong++;
		bpf_map_delete_elem(&opened, &source);
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
