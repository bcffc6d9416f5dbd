#pragma once
#define bpf_htons(x) ((__u16)__builtin_bswap16(x))
#define bpf_ntohs(x) bpf_htons(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#define bpf_ntohl(x) bpf_htonl(x)
