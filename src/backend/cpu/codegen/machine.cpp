#include "backend/cpu/codegen/machine.h"

#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Triple.h>

namespace tempera::cpu {
namespace {

void initialize_targets() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64Target();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64AsmPrinter();
}

Result<const llvm::Target*> find_target(const std::string& triple) {
  [[maybe_unused]] static const bool initialized = (initialize_targets(), true);
  std::string message;
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!found) return error(ErrorCode::unsupported, "no code generator for {}", triple);
  return found;
}

}  // namespace

Result<std::unique_ptr<llvm::MCSubtargetInfo>> make_subtarget(const Target& target) {
  ASSIGN_OR_RETURN(const llvm::Target* found, find_target(target.triple));
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      found->createMCSubtargetInfo(target.triple, target.cpu, target.features));
}

Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const Target& target) {
  ASSIGN_OR_RETURN(const llvm::Target* found, find_target(target.triple));
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      target.triple, target.cpu, target.features, llvm::TargetOptions(), llvm::Reloc::PIC_,
      llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive));
}

Features features_of(const Target& target, const llvm::MCSubtargetInfo& subtarget) {
  const bool x86 = llvm::Triple(target.triple).isX86();
  return {.x86 = x86,
          .fma = !x86 || subtarget.checkFeatures("+fma"),
          .f16_conversion = !x86 || subtarget.checkFeatures("+f16c"),
          .scalef = x86 && target.vector_bytes == 64,
          .bf16_conversion = x86 && target.vector_bytes == 64 && target.has_bf16_dot,
          .tiles = x86 && target.bf16_matrices};
}

}  // namespace tempera::cpu
