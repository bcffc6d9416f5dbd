/*
 * A flow table that is too small on purpose: 64 flows, in a hash map. New
 * flows are inserted (BPF_NOEXIST) until the table is full (-7, E2BIG); a FIN
 * or RST removes its flow, so that others find room. Each outcome of each map
 * operation is counted, and the flow's record is written back whole
 * (BPF_EXIST), as some programs do it.
 */
#include "packet.h"

struct flow_key {
	__be32 addr[2];
	__be16 port[2];
	__u32 proto;
};

struct flow {
	__u64 packets;
	__u64 bytes;
	__u32 first_packet; /* its number since the start */
	__u32 last_packet;
	__u8 flags_seen;
	__u8 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, __u64);
} errors SEC(".maps");

__u32 packet_number;

static __always_inline void note(__s32 error)
{
	__u64 *n = bpf_map_lookup_elem(&errors, &error);
	__u64 one = 1;

	if (n)
		(*n)++;
	else
		bpf_map_update_elem(&errors, &error, &one, BPF_ANY);
}

SEC("xdp")
int flows_table(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct flow_key key = {};
	struct flow *known, record = {};
	__u8 flags = 0;

	packet_number++;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	key.addr[0] = ip->src;
	key.addr[1] = ip->dst;
	key.proto = ip->proto;
	if (ip->version_ihl == 0x45 && !(ip->frag_off & bpf_htons(IP_OFFSET_MASK)) &&
	    (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP)) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, ip + 1, end, XDP_PASS);
		key.port[0] = tcp->src;
		key.port[1] = tcp->dst;
		if (ip->proto == IPPROTO_TCP)
			flags = tcp->flags;
	}

	known = bpf_map_lookup_elem(&flows, &key);
	if (flags & (TCP_FIN | TCP_RST)) {
		note(bpf_map_delete_elem(&flows, &key));
		return XDP_PASS;
	}
	if (known) {
		__builtin_memcpy(&record, known, sizeof(record));
		record.packets++;
		record.bytes += end - data;
		record.last_packet = packet_number;
		record.flags_seen |= flags;
		note(bpf_map_update_elem(&flows, &key, &record, BPF_EXIST));
		return XDP_PASS;
	}
	record.packets = 1;
	record.bytes = end - data;
	record.first_packet = record.last_packet = packet_number;
	record.flags_seen = flags;
	__s32 error = bpf_map_update_elem(&flows, &key, &record, BPF_NOEXIST);
	note(error);
	return error ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
