#include <memory>

#include "api/compile/write_artifact.h"
#include "api/run/memory.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string model, folder;
  std::vector<std::string> components;
  std::string taesd;
  bool tiling = false, packed_weights = false, json = false, quiet = false;
  SizeFlags size;
  CompileFlags compile;
  SavingFlags saving;
};

Json plan_json(const api::WrittenPlan& written) {
  Json json = api::to_json(api::memory_of(written.plan, 1));
  json["batch_size"] = written.request.batch;
  json["cpu"] = written.cpu;
  return json;
}

void report(const Flags& flags, const api::WrittenArtifact& written) {
  if (flags.json) {
    Json plans = Json::array();
    for (const api::WrittenPlan& plan : written.plans) plans.push_back(plan_json(plan));
    print(Json{{"artifact", flags.folder},
               {"plans", std::move(plans)},
               {"kernels", written.kernels},
               {"code_bytes", written.code_bytes}});
    return;
  }
  print(fmt::format("{:<14}{:>7}{:>12}{:>12}{:>12}{:>12}  {}", "component", "batch", "weights",
                    "arena", "live", "state", "processor"));
  for (const api::WrittenPlan& plan : written.plans) {
    const api::ComponentMemory memory = api::memory_of(plan.plan, 1);
    print(fmt::format("{:<14}{:>7}{:>12}{:>12}{:>12}{:>12}  {}", memory.component,
                      plan.request.batch, bytes_text(memory.weights), bytes_text(memory.arena),
                      bytes_text(memory.live), bytes_text(memory.state), plan.cpu));
  }
  print(fmt::format("wrote {}: {} kernels, {} of code", flags.folder, written.kernels,
                    bytes_text(written.code_bytes)));
}

Status compile(const Flags& flags) {
  install_stop_handler();
  ASSIGN_OR_RETURN(const auto size, parse_size(flags.size.size));
  Progress progress(flags.quiet);
  api::CompileOptions options = flags.compile.options();
  options.taesd = flags.taesd;
  options.progress = [&](const api::CompileProgress& p) { return progress.compiled(p); };
  ASSIGN_OR_RETURN(const api::WrittenArtifact written,
                   api::write_model_artifact(flags.model, flags.folder,
                                             {.components = flags.components,
                                              .width = size.first,
                                              .height = size.second,
                                              .batch_size = flags.size.batch_size,
                                              .saving = flags.saving.saving,
                                              .tiling = flags.tiling,
                                              .packed_weights = flags.packed_weights},
                                             std::move(options)));
  progress.clear();
  report(flags, written);
  return {};
}

}  // namespace

void add_compile(CLI::App& program, Action& action) {
  CLI::App* app =
      program.add_subcommand("compile", "Compile a model into an artifact that needs no compiler");
  auto flags = std::make_shared<Flags>();
  app->add_option("MODEL", flags->model, "A checkpoint in one file, or a diffusers folder")
      ->required();
  app->add_option("-o,--output", flags->folder, "The artifact's folder")
      ->type_name("DIR")
      ->required();
  app->add_option("--component", flags->components,
                  "text_encoder, unet, vae_decoder or vae_encoder; may be given again [all that a "
                  "picture takes]")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  flags->size.add(*app);
  flags->compile.add(*app);
  app->get_option("--cpu")->description(
      "Processor to compile for: native, x86-64-v2, x86-64-v3, x86-64-v4, a name that LLVM knows, "
      "or "
      "aarch64:NAME; several with commas between them, of which the last that fits is used");
  app->add_flag("--json", flags->json, "Print the result as JSON");
  app->add_flag("-q,--quiet", flags->quiet, "Print no progress");
  app->add_option("--taesd", flags->taesd,
                  "Let this TAESD decode: many times faster than the VAE, with less fine detail")
      ->type_name("FILE");
  app->add_flag("--tiling", flags->tiling, "Compile for --tiling of generate too");
  app->add_flag("--packed-weights", flags->packed_weights,
                "Put the weights into the artifact, packed for the processor: it starts several "
                "times faster, needs the model no more, and processes share its memory; Stable "
                "Diffusion 1.5 takes 5.2 GB so, 2.7 GB in bf16");
  flags->saving.add_token_merging(*app);
  flags->saving.add_deep_cache(*app);
  app->footer(
      "Examples:\n"
      "  tempera compile stable-diffusion-v1-5 -o sd15-512 --size 512x512\n"
      "  tempera compile tiny -o tiny-any --cpu x86-64-v2,x86-64-v3,x86-64-v4,native\n"
      "  tempera compile tiny -o tiny-arm --component unet --cpu aarch64:cortex-a76\n"
      "then: tempera generate \"a cat\" -m sd15-512");
  app->callback([flags, &action] { action = [flags] { return compile(*flags); }; });
}

}  // namespace tempera::cli
