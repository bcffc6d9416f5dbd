/*
 * CO-RE relocations of every kind: fields of kernel types (offset, size,
 * existence, signedness, shifts of bit-fields), types (existence, size, id,
 * match), values of enums. Types that no kernel has must be found absent.
 */
#include "../packet.h"
#include <bpf/bpf_core_read.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct net_device {
	int ifindex;
	unsigned int mtu;
};

struct xdp_rxq_info {
	struct net_device *dev;
	__u32 queue_index;
};

struct xdp_buff {
	void *data;
	void *data_end;
	struct xdp_rxq_info *rxq;
	__u32 frame_sz;
};

struct sk_buff {
	__u8 pkt_type : 3;
	unsigned int len;
};

struct sluice_absent {
	int field;
};
#pragma clang attribute pop

enum bpf_map_type___kernel {
	BPF_MAP_TYPE_ARRAY___kernel = 99,
	BPF_MAP_TYPE_SLUICE___kernel = 98,
};

struct facts {
	__u32 xdp_buff_exists, xdp_buff_size, data_end_offset, frame_sz_size;
	__u32 absent_exists, absent_field_exists, absent_size;
	__u32 pkt_type_left, pkt_type_right, pkt_type_signed, mtu_offset;
	__u32 array_exists, array_value, sluice_exists;
	__u32 local_id, kernel_id, matches;
};

struct facts facts;

SEC("xdp")
int core(struct xdp_md *ctx)
{
	facts.xdp_buff_exists = bpf_core_type_exists(struct xdp_buff);
	facts.xdp_buff_size = bpf_core_type_size(struct xdp_buff);
	facts.data_end_offset = bpf_core_field_offset(struct xdp_buff, data_end);
	facts.frame_sz_size = bpf_core_field_size(struct xdp_buff, frame_sz);
	facts.absent_exists = bpf_core_type_exists(struct sluice_absent);
	facts.absent_field_exists = bpf_core_field_exists(struct sluice_absent, field);
	facts.absent_size = bpf_core_type_size(struct sluice_absent);
	facts.pkt_type_left = __builtin_preserve_field_info(((struct sk_buff *)0)->pkt_type, BPF_FIELD_LSHIFT_U64);
	facts.pkt_type_right = __builtin_preserve_field_info(((struct sk_buff *)0)->pkt_type, BPF_FIELD_RSHIFT_U64);
	facts.pkt_type_signed = __builtin_preserve_field_info(((struct sk_buff *)0)->pkt_type, BPF_FIELD_SIGNED);
	facts.mtu_offset = bpf_core_field_offset(struct net_device, mtu);
	facts.array_exists = bpf_core_enum_value_exists(enum bpf_map_type___kernel, BPF_MAP_TYPE_ARRAY___kernel);
	facts.array_value = bpf_core_enum_value(enum bpf_map_type___kernel, BPF_MAP_TYPE_ARRAY___kernel);
	facts.sluice_exists = bpf_core_enum_value_exists(enum bpf_map_type___kernel, BPF_MAP_TYPE_SLUICE___kernel);
	facts.local_id = bpf_core_type_id_local(struct xdp_buff);
	facts.kernel_id = bpf_core_type_id_kernel(struct xdp_buff);
	facts.matches = bpf_core_type_matches(struct sluice_absent);
	return facts.absent_exists ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
