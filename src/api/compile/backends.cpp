#include "api/compile/backends.h"

#include "backend/cpu/codegen/compile.h"
#include "backend/cpu/codegen/host.h"
#include "backend/cpu/codegen/legalize.h"
#include "backend/cpu/codegen/link.h"

namespace tempera::api {
namespace {

Result<std::string> compile_cpu(const kernel::Kernel& kernel, bool may_alias,
                                const Target& target) {
  ASSIGN_OR_RETURN(cpu::Object object,
                   cpu::compile_kernel({.kernel = &kernel, .may_alias = may_alias}, target));
  return std::move(object.bytes);
}

Result<runtime::ArtifactTarget> cpu_artifact_target(const Target& target) {
  ASSIGN_OR_RETURN(std::vector<std::string> features, cpu::required_features(target));
  return runtime::ArtifactTarget{.backend = target.backend,
                                 .triple = target.triple,
                                 .cpu = target.cpu,
                                 .features = std::move(features)};
}

constexpr BackendRow kBackends[] = {
    {"cpu", cpu::target_from_flag, compile_cpu, cpu::scratch_bytes, cpu::link_shared,
     cpu_artifact_target, "kernels.so"},
};

}  // namespace

std::span<const BackendRow> backend_table() { return kBackends; }

const BackendRow& backend_of(const Target& target) {
  for (const BackendRow& row : kBackends)
    if (row.name == target.backend) return row;
  CHECK(false, "no code generator for the target {}", target.backend);
}

}  // namespace tempera::api
