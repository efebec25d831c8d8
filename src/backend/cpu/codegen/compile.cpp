#include "backend/cpu/codegen/compile.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/InferAlignment.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "backend/cpu/codegen/legalize.h"
#include "backend/cpu/codegen/machine.h"
#include "backend/cpu/codegen/print.h"

namespace tempera::cpu {
namespace {

// Schedules decide what is vectorised and unrolled; this only cleans up. No pass here may turn
// loops into calls (the result is linked without any library) or change floating point results.
void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::InferAlignmentPass());
  passes.addPass(llvm::ADCEPass());
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  pipeline.run(module, modules);
}

std::string emit(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  const bool refused = machine.addPassesToEmitFile(passes, stream, nullptr, type);
  CHECK(!refused, "LLVM emits no such file for {}", machine.getTargetTriple().str());
  passes.run(module);
  return {bytes.begin(), bytes.end()};
}

// A module of optimised code, with what must outlive it.
struct Compiled {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
};

Result<Compiled> compile(const Source& source, const Target& target) {
  ASSIGN_OR_RETURN(const kernel::Kernel legal, legalize(*source.kernel, target));
  ASSIGN_OR_RETURN(const auto subtarget, make_subtarget(target));
  Compiled c{.context = std::make_unique<llvm::LLVMContext>()};
  ASSIGN_OR_RETURN(c.machine, make_machine(target));
  const Features features = features_of(target, *subtarget);
  c.module = print(legal, target, features, source.may_alias, *c.context);
  c.module->setTargetTriple(target.triple);
  c.module->setDataLayout(c.machine->createDataLayout());
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  CHECK(!llvm::verifyModule(*c.module, &stream), "kernel {}: {}", legal.name, problem);
  optimize(*c.module, *c.machine);
  return c;
}

}  // namespace

Result<Object> compile_kernel(const Source& source, const Target& target) {
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const Compiled c, compile(source, target));
  Object object{.bytes = emit(*c.module, *c.machine, llvm::CodeGenFileType::ObjectFile)};
  object.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return object;
}

Result<std::vector<Object>> compile_kernels(std::span<const Source> sources, const Target& target,
                                            int threads) {
  std::vector<std::optional<Result<Object>>> results(sources.size());
  std::vector<std::exception_ptr> bugs(sources.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < sources.size(); i = next++) try {
        results[i] = compile_kernel(sources[i], target);
      } catch (...) {
        bugs[i] = std::current_exception();
      }
  };
  {
    std::vector<std::jthread> workers;
    for (int i = 1; i < threads; ++i) workers.emplace_back(work);
    work();
  }
  std::vector<Object> objects;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (bugs[i]) std::rethrow_exception(bugs[i]);
    ASSIGN_OR_RETURN(Object object, std::move(*results[i]));
    objects.push_back(std::move(object));
  }
  return objects;
}

Result<std::string> print_llvm_ir(const Source& source, const Target& target) {
  ASSIGN_OR_RETURN(const Compiled c, compile(source, target));
  std::string text;
  llvm::raw_string_ostream stream(text);
  c.module->print(stream, nullptr);
  return text;
}

Result<std::string> print_assembly(const Source& source, const Target& target) {
  ASSIGN_OR_RETURN(const Compiled c, compile(source, target));
  return emit(*c.module, *c.machine, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace tempera::cpu
