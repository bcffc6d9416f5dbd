/*
 * A firewall for a wire: nothing comes in from networks that are blocked, and
 * for the rest the rule of its protocol and destination port decides. Networks
 * and rules are maps, which a loader fills from files; each counts what it has
 * caught. VLAN tags are looked behind, fragments have no ports.
 */
#include "../packet.h"

struct network {
	__u32 prefix; /* bits of address */
	__u8 address[4];
};

struct caught {
	__u64 packets;
	__u64 bytes;
};

struct service {
	__u16 port; /* destination port, 0 for all */
	__u8 protocol;
	__u8 pad;
};

struct rule {
	__u64 packets;
	__u64 bytes;
	__u32 action; /* XDP_DROP or XDP_PASS */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network);
	__type(value, struct caught);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000);
	__type(key, struct service);
	__type(value, struct rule);
} rules SEC(".maps");

static __always_inline int apply(__u8 protocol, __u16 port, __u64 bytes)
{
	struct service service = { .port = port, .protocol = protocol };
	struct rule *rule = bpf_map_lookup_elem(&rules, &service);

	if (!rule)
		return -1;
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, bytes);
	return rule->action;
}

SEC("xdp")
int inline_fw(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 bytes = end - data;
	struct network source = { .prefix = 32 };
	struct caught *caught;
	void *next;
	__be16 proto;
	int action = -1;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP);
	proto = eth->proto;
	next = eth + 1;
	if (proto == bpf_htons(ETH_P_8021Q)) {
		HEADER_OR_RETURN(struct vlan_hdr, vlan, next, end, XDP_DROP);
		proto = vlan->proto;
		next = vlan + 1;
	}
	if (proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;

	HEADER_OR_RETURN(struct ipv4_hdr, ip, next, end, XDP_DROP);
	__builtin_memcpy(source.address, &ip->src, 4);
	caught = bpf_map_lookup_elem(&blocked, &source);
	if (caught) {
		__sync_fetch_and_add(&caught->packets, 1);
		__sync_fetch_and_add(&caught->bytes, bytes);
		return XDP_DROP;
	}

	if ((ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) && !(ip->frag_off & bpf_htons(IP_OFFSET_MASK))) {
		__be16 *ports = (void *)ip + (ip->version_ihl & 0xf) * 4;

		if ((void *)(ports + 2) > end)
			return XDP_DROP;
		action = apply(ip->proto, bpf_ntohs(ports[1]), bytes);
	}
	if (action < 0)
		action = apply(ip->proto, 0, bytes);
	return action < 0 ? XDP_PASS : action;
}

char LICENSE[] SEC("license") = "GPL";
