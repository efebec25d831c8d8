#include "backend/cpu/device/host.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "base/tile_permission.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace tempera::cpu {
namespace {

#if defined(__x86_64__)

enum Register { eax, ebx, ecx, edx };

// Register state that the system must save on a switch between programs, as XCR0's bits.
constexpr uint64_t kNone = 0;
constexpr uint64_t kYmm = 0x6;        // SSE, AVX
constexpr uint64_t kZmm = 0xe6;       // and opmask, upper halves, zmm16-31
constexpr uint64_t kTiles = 0x60000;  // AMX configuration and data

struct Feature {
  std::string_view name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  uint64_t state;
};

// Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
constexpr Feature kFeatures[] = {
    {"cmov", 1, 0, edx, 15, kNone},
    {"cx8", 1, 0, edx, 8, kNone},
    {"mmx", 1, 0, edx, 23, kNone},
    {"fxsr", 1, 0, edx, 24, kNone},
    {"sse", 1, 0, edx, 25, kNone},
    {"sse2", 1, 0, edx, 26, kNone},
    {"sse3", 1, 0, ecx, 0, kNone},
    {"pclmul", 1, 0, ecx, 1, kNone},
    {"ssse3", 1, 0, ecx, 9, kNone},
    {"fma", 1, 0, ecx, 12, kYmm},
    {"cx16", 1, 0, ecx, 13, kNone},
    {"sse4.1", 1, 0, ecx, 19, kNone},
    {"sse4.2", 1, 0, ecx, 20, kNone},
    {"movbe", 1, 0, ecx, 22, kNone},
    {"popcnt", 1, 0, ecx, 23, kNone},
    {"aes", 1, 0, ecx, 25, kNone},
    {"xsave", 1, 0, ecx, 26, kNone},
    {"crc32", 1, 0, ecx, 20, kNone},
    {"avx", 1, 0, ecx, 28, kYmm},
    {"f16c", 1, 0, ecx, 29, kYmm},
    {"bmi", 7, 0, ebx, 3, kNone},
    {"avx2", 7, 0, ebx, 5, kYmm},
    {"bmi2", 7, 0, ebx, 8, kNone},
    {"avx512f", 7, 0, ebx, 16, kZmm},
    {"avx512dq", 7, 0, ebx, 17, kZmm},
    {"adx", 7, 0, ebx, 19, kNone},
    {"avx512ifma", 7, 0, ebx, 21, kZmm},
    {"avx512cd", 7, 0, ebx, 28, kZmm},
    {"sha", 7, 0, ebx, 29, kNone},
    {"avx512bw", 7, 0, ebx, 30, kZmm},
    {"avx512vl", 7, 0, ebx, 31, kZmm},
    {"avx512vbmi", 7, 0, ecx, 1, kZmm},
    {"avx512vbmi2", 7, 0, ecx, 6, kZmm},
    {"gfni", 7, 0, ecx, 8, kNone},
    {"vaes", 7, 0, ecx, 9, kYmm},
    {"vpclmulqdq", 7, 0, ecx, 10, kYmm},
    {"avx512vnni", 7, 0, ecx, 11, kZmm},
    {"avx512bitalg", 7, 0, ecx, 12, kZmm},
    {"avx512vpopcntdq", 7, 0, ecx, 14, kZmm},
    {"avx512vp2intersect", 7, 0, edx, 8, kZmm},
    {"amx-bf16", 7, 0, edx, 22, kTiles},
    {"avx512fp16", 7, 0, edx, 23, kZmm},
    {"amx-tile", 7, 0, edx, 24, kTiles},
    {"amx-int8", 7, 0, edx, 25, kTiles},
    {"avxvnni", 7, 1, eax, 4, kYmm},
    {"avx512bf16", 7, 1, eax, 5, kZmm},
    {"amx-fp16", 7, 1, eax, 21, kTiles},
    {"avxifma", 7, 1, eax, 23, kYmm},
    {"avxvnniint8", 7, 1, edx, 4, kYmm},
    {"avxneconvert", 7, 1, edx, 5, kYmm},
    {"avxvnniint16", 7, 1, edx, 10, kYmm},
    {"sahf", 0x80000001, 0, ecx, 0, kNone},
    {"lzcnt", 0x80000001, 0, ecx, 5, kNone},
    {"sse4a", 0x80000001, 0, ecx, 6, kNone},
    {"prfchw", 0x80000001, 0, ecx, 8, kNone},
    {"xop", 0x80000001, 0, ecx, 11, kYmm},
    {"tbm", 0x80000001, 0, ecx, 21, kNone},
    {"fma4", 0x80000001, 0, ecx, 16, kYmm},
};

// The states that the system saves: XCR0, readable only where it uses XSAVE.
uint64_t saved_states() {
  constexpr unsigned kUsesXsave = 1u << 27;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kUsesXsave) == 0) return 0;
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

std::vector<std::string> read_features() {
  const uint64_t states = saved_states();
  std::vector<std::string> features;
  for (const Feature& feature : kFeatures) {
    unsigned registers[4] = {};
    const bool has_leaf = __get_cpuid_count(feature.leaf, feature.subleaf, &registers[eax],
                                            &registers[ebx], &registers[ecx], &registers[edx]) != 0;
    const bool has_bit = (registers[feature.reg] >> feature.bit & 1) != 0;
    const bool saved = (states & feature.state) == feature.state;
    if (has_leaf && has_bit && saved && (feature.state != kTiles || may_use_tiles()))
      features.emplace_back(feature.name);
  }
  return features;
}

#elif defined(__aarch64__)

struct Feature {
  std::string_view name;
  int word;  // 0: AT_HWCAP, 1: AT_HWCAP2
  int bit;
};

// Linux, Documentation/arch/arm64/elf_hwcaps.rst and asm/hwcap.h.
constexpr Feature kFeatures[] = {
    {"fp-armv8", 0, 0}, {"neon", 0, 1},      {"aes", 0, 3},  {"sha2", 0, 6},  {"crc", 0, 7},
    {"lse", 0, 8},      {"fullfp16", 0, 10}, {"rdm", 0, 12}, {"rcpc", 0, 15}, {"dotprod", 0, 20},
    {"sve", 0, 22},     {"fp16fml", 0, 23},  {"sve2", 1, 1}, {"i8mm", 1, 13}, {"bf16", 1, 14},
};

std::vector<std::string> read_features() {
  const unsigned long words[] = {::getauxval(AT_HWCAP), ::getauxval(AT_HWCAP2)};
  std::vector<std::string> features;
  for (const Feature& feature : kFeatures)
    if ((words[feature.word] >> feature.bit & 1) != 0) features.emplace_back(feature.name);
  return features;
}

#else
std::vector<std::string> read_features() { return {}; }
#endif

std::vector<std::string> missing(const std::vector<std::string>& required,
                                 const std::vector<std::string>& present) {
  std::vector<std::string> missing;
  for (const std::string& feature : required)
    if (std::ranges::find(present, feature) == present.end()) missing.push_back(quote(feature));
  return missing;
}

}  // namespace

std::string_view host_architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

const std::vector<std::string>& host_features() {
  static const std::vector<std::string> features = read_features();
  return features;
}

Status check_host(const runtime::ArtifactTarget& target) {
  return check_host(target, host_architecture(), host_features());
}

Status check_host(const runtime::ArtifactTarget& target, std::string_view architecture,
                  const std::vector<std::string>& features) {
  const std::string_view compiled_for =
      std::string_view(target.triple).substr(0, target.triple.find('-'));
  if (compiled_for != architecture)
    return error(ErrorCode::unsupported,
                 "the code was compiled for {} and cannot run on this {}; compile it with --cpu "
                 "native",
                 quote(compiled_for), architecture);
  const std::vector<std::string> lacking = missing(target.features, features);
  if (lacking.empty()) return {};
  return error(ErrorCode::unsupported,
               "the code was compiled for {} and needs {}, which this processor or system does not "
               "have; compile it with --cpu native",
               quote(target.cpu), fmt::join(lacking, ", "));
}

}  // namespace tempera::cpu
