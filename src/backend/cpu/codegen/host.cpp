#include "backend/cpu/codegen/host.h"

#include <llvm/ADT/StringRef.h>
#include <llvm/TargetParser/AArch64TargetParser.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/X86TargetParser.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <thread>

#include "backend/cpu/codegen/machine.h"
#include "base/text.h"
#include "base/tile_permission.h"

namespace tempera::cpu {
namespace {

constexpr std::string_view kX86Triple = "x86_64-unknown-linux-gnu";
constexpr std::string_view kAarch64Triple = "aarch64-unknown-linux-gnu";

// All that LLVM may select instructions from for arithmetic, conversions, shuffles and masks; the
// rest (crypto, transactions, cache control) it never emits on its own.
constexpr auto kX86Features = std::to_array<const char*>({
    "sse3",
    "ssse3",
    "sse4.1",
    "sse4.2",
    "popcnt",
    "avx",
    "avx2",
    "bmi",
    "bmi2",
    "f16c",
    "fma",
    "lzcnt",
    "movbe",
    "adx",
    "gfni",
    "vaes",
    "vpclmulqdq",
    "xop",
    "fma4",
    "tbm",
    "avx512f",
    "avx512cd",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512ifma",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512vnni",
    "avx512bitalg",
    "avx512vpopcntdq",
    "avx512bf16",
    "avx512fp16",
    "avx512vp2intersect",
    "avxvnni",
    "avxvnniint8",
    "avxvnniint16",
    "avxifma",
    "avxneconvert",
});
// What code has only where it multiplies matrices.
constexpr auto kX86MatrixFeatures = std::to_array<const char*>({"amx-tile", "amx-bf16"});
constexpr auto kAarch64Features = std::to_array<const char*>(
    {"neon", "fullfp16", "fp16fml", "rdm", "dotprod", "i8mm", "bf16", "sve", "sve2"});

bool has(const llvm::MCSubtargetInfo& subtarget, const char* feature) {
  return subtarget.checkFeatures(std::string("+") + feature);
}

bool has_all(const llvm::MCSubtargetInfo& subtarget, std::initializer_list<const char*> features) {
  return std::ranges::all_of(features, [&](const char* f) { return has(subtarget, f); });
}

void fill_x86(Target& t, const llvm::MCSubtargetInfo& subtarget) {
  const bool avx512 = has_all(subtarget, {"avx512f", "avx512vl", "avx512bw", "avx512dq"});
  const bool avx2 = has_all(subtarget, {"avx2", "fma"});
  t.vector_bytes = avx512 ? 64 : avx2 ? 32 : 16;
  t.vector_registers = avx512 ? 32 : 16;
  // Zen 4 runs a 512-bit instruction as two halves.
  t.fma_per_cycle = t.cpu == "znver4" && avx512 ? 1 : 2;
  t.has_f16_arithmetic = avx512 && has(subtarget, "avx512fp16");
  t.has_bf16_dot = avx512 && has(subtarget, "avx512bf16");
  t.has_i8_dot = avx512 && has(subtarget, "avx512vnni");
  // Eight tiles of 16 rows of 64 bytes, of which b's are 16 pairs of rows; TDPBF16PS every 16
  // cycles (Intel, Optimization Reference Manual, 20.2).
  if (t.has_bf16_dot && has_all(subtarget, {"amx-tile", "amx-bf16"}))
    t.bf16_matrices = {.registers = 8, .rows = 16, .columns = 16, .depth = 32, .cycles = 16};
}

void fill_aarch64(Target& t, const llvm::MCSubtargetInfo& subtarget) {
  t.vector_bytes = 16;
  t.vector_registers = 32;
  t.has_f16_arithmetic = has(subtarget, "fullfp16");
}

Status fill(Target& t) {
  ASSIGN_OR_RETURN(const auto subtarget, make_subtarget(t));
  t.triple == kX86Triple ? fill_x86(t, *subtarget) : fill_aarch64(t, *subtarget);
  return {};
}

// LLVM's feature string of this machine, in the order of the names.
std::string host_features() {
  std::map<std::string, bool> sorted;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    const bool tiles = feature.getKey().starts_with("amx-");
    sorted[feature.getKey().str()] = feature.getValue() && (!tiles || may_use_tiles());
  }
  std::string text;
  for (const auto& [name, on] : sorted)
    text += fmt::format("{}{}{}", text.empty() ? "" : ",", on ? '+' : '-', name);
  return text;
}

int64_t cache_bytes(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

std::vector<std::string> valid_names(std::string_view triple) {
  llvm::SmallVector<llvm::StringRef, 128> names;
  if (triple == kX86Triple)
    llvm::X86::fillValidCPUArchList(names, /*Only64Bit=*/true);
  else
    llvm::AArch64::fillValidCPUArchList(names);
  return {names.begin(), names.end()};
}

std::string nearest(const std::vector<std::string>& names, const std::string& wanted) {
  std::vector<std::pair<unsigned, std::string>> ranked;
  for (const std::string& name : names)
    ranked.emplace_back(llvm::StringRef(name).edit_distance(wanted), name);
  std::ranges::sort(ranked);
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(3, ranked.size()); ++i)
    text += fmt::format("{}{}", i ? ", " : "", ranked[i].second);
  return text;
}

Result<Target> named_target(std::string_view triple, const std::string& cpu) {
  const std::vector<std::string> names = valid_names(triple);
  if (std::ranges::find(names, cpu) == names.end())
    return error(ErrorCode::invalid_argument,
                 "--cpu {}: no such {} processor; near names are {}, and native is this machine",
                 quote(cpu), triple == kX86Triple ? "x86-64" : "aarch64", nearest(names, cpu));
  Target t{.cpu = cpu, .triple = std::string(triple), .l2_bytes = 1 << 20, .cores = 4};
  ASSIGN_OR_RETURN(const auto subtarget, make_subtarget(t));
  if (triple == kX86Triple && !has_all(*subtarget, {"sse4.2", "popcnt"}))
    return error(ErrorCode::unsupported, "--cpu {}: older than x86-64-v2, the oldest supported",
                 quote(cpu));
  TRY(fill(t));
  return t;
}

}  // namespace

Target host_target() {
#if defined(__aarch64__)
  const std::string_view triple = kAarch64Triple;
#else
  const std::string_view triple = kX86Triple;
#endif
  Target t{.cpu = llvm::sys::getHostCPUName().str(),
           .triple = std::string(triple),
           .features = host_features(),
           .l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, 32 << 10),
           .l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, 512 << 10),
           .l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, 8 << 20),
           .cores = std::max<int64_t>(1, std::thread::hardware_concurrency())};
  const Status filled = fill(t);
  CHECK(filled.ok(), "LLVM does not know {}", t.triple);
  return t;
}

Result<Target> target_from_flag(std::string_view flag) {
  if (flag == "native") return host_target();
  const size_t colon = flag.find(':');
  if (colon == std::string_view::npos) return named_target(kX86Triple, std::string(flag));
  const std::string_view architecture = flag.substr(0, colon);
  const std::string cpu(flag.substr(colon + 1));
  if (architecture == "aarch64") return named_target(kAarch64Triple, cpu);
  if (architecture == "x86-64") return named_target(kX86Triple, cpu);
  return error(ErrorCode::invalid_argument,
               "--cpu {}: no architecture {}; there are x86-64 and aarch64", quote(flag),
               quote(architecture));
}

Result<std::vector<std::string>> required_features(const Target& target) {
  ASSIGN_OR_RETURN(const auto subtarget, make_subtarget(target));
  std::vector<std::string> features;
  const auto keep = [&](const auto& names) {
    for (const char* name : names)
      if (has(*subtarget, name)) features.emplace_back(name);
  };
  target.triple == kX86Triple ? keep(kX86Features) : keep(kAarch64Features);
  if (target.bf16_matrices) keep(kX86MatrixFeatures);
  return features;
}

}  // namespace tempera::cpu
