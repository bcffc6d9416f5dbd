/*
 * Reads and changes packets through a dynptr: the Ethernet and IP headers as
 * slices, the checksum of the payload in a loop over an iterator. Counts
 * packets by protocol, and drops those to an odd UDP or TCP port.
 */
#include "kfuncs.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} packets SEC(".maps");

struct sum {
	__u64 bytes;
	__u64 sum;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct sum);
} sums SEC(".maps");

/*
 * The sum of the bytes behind an offset, at most 256 of them. Not inline: clang
 * would put other variables where the clone lies when it is not used any more.
 */
static __attribute__((noinline)) __u64 sum_of(struct bpf_dynptr *packet, __u32 from)
{
	struct bpf_dynptr rest;
	struct bpf_iter_num it;
	__u64 sum = 0;
	int *i;

	if (bpf_dynptr_clone(packet, &rest) || bpf_dynptr_adjust(&rest, from, bpf_dynptr_size(packet)))
		return 0;
	bpf_iter_num_new(&it, 0, 256);
	while ((i = bpf_iter_num_next(&it))) {
		__u8 byte;

		if (bpf_dynptr_read(&byte, 1, &rest, *i, 0))
			break;
		sum = sum * 3 + byte;
	}
	bpf_iter_num_destroy(&it);
	return sum;
}

SEC("xdp")
int dynptr(struct xdp_md *ctx)
{
	__u8 eth_buffer[14], ip_buffer[20], ports_buffer[4];
	struct bpf_dynptr packet;
	struct eth_hdr *eth;
	struct sum value;
	__u64 *count;
	__u8 *ip, *ports;
	__u32 key = 0, length;

	if (bpf_dynptr_from_xdp(ctx, 0, &packet))
		return XDP_ABORTED;
	length = bpf_dynptr_size(&packet);
	eth = bpf_dynptr_slice(&packet, 0, eth_buffer, sizeof(eth_buffer));
	if (!eth)
		return XDP_DROP;
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = bpf_dynptr_slice(&packet, 14, ip_buffer, sizeof(ip_buffer));
	if (!ip)
		return XDP_DROP;
	key = ip[9];
	count = bpf_map_lookup_elem(&packets, &key);
	if (count)
		__sync_fetch_and_add(count, 1);

	value.bytes = length;
	value.sum = sum_of(&packet, 14 + (ip[0] & 15) * 4);
	bpf_map_update_elem(&sums, &length, &value, BPF_ANY);
	if (key != IPPROTO_TCP && key != IPPROTO_UDP)
		return XDP_PASS;
	ports = bpf_dynptr_slice_rdwr(&packet, 14 + (ip[0] & 15) * 4, ports_buffer, sizeof(ports_buffer));
	if (!ports)
		return XDP_PASS;
	ports[1] ^= 0x80;
	if (ports == ports_buffer)
		bpf_dynptr_write(&packet, 14 + (ip[0] & 15) * 4, ports, sizeof(ports_buffer), 0);
	return ports[3] & 1 ? XDP_DROP : XDP_TX;
}

char _license[] SEC("license") = "GPL";
