/*
 * A firewall of exact 5-tuples in a hash: what has a rule is counted there
 * (packets and bytes, atomically) and gets its verdict, the rest passes.
 */
#include "../programs/packet.h"

struct tuple {
	__be32 src;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	__u32 proto;
};

struct rule {
	__u64 packets;
	__u64 bytes;
	__u32 action;
	__u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tuple);
	__type(value, struct rule);
} rules SEC(".maps");

SEC("xdp")
int tuples(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct tuple key;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	__be16 proto = eth->proto;
	void *at = eth + 1;
	if (proto == bpf_htons(ETH_P_8021Q)) {
		HEADER_OR_RETURN(struct vlan_hdr, vlan, at, end, XDP_PASS);
		proto = vlan->proto;
		at = vlan + 1;
	}
	if (proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, at, end, XDP_PASS);
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK | IP_MORE_FRAGMENTS))
		return XDP_PASS;
	if (ip->proto != IPPROTO_UDP && ip->proto != IPPROTO_TCP)
		return XDP_PASS;
	__u32 header = (ip->version_ihl & 0xf) * 4;
	if (header < sizeof(*ip))
		return XDP_PASS;
	/* the ports are where both protocols have them */
	HEADER_OR_RETURN(struct udp_hdr, ports, at + header, end, XDP_PASS);

	key.src = ip->src;
	key.dst = ip->dst;
	key.sport = ports->src;
	key.dport = ports->dst;
	key.proto = ip->proto;
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);
	if (!rule)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, end - data);
	return rule->action;
}

char LICENSE[] SEC("license") = "GPL";
