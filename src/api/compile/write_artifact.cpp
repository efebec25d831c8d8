#include "api/compile/write_artifact.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "api/compile/adapters.h"
#include "api/compile/backends.h"
#include "api/compile/pack_weights.h"
#include "api/run/artifact_source.h"
#include "api/run/version.h"
#include "base/text.h"
#include "diffusion/prompt/tokenizer.h"
#include "diffusion/samplers/stock_scheduler.h"
#include "kernel/mutate.h"
#include "runtime/artifact.h"

namespace tempera::api {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kDefaultLatent = 64;  // where no UNet says what it was trained on

bool has_size(std::string_view component) { return component != "text_encoder"; }

Status check(const ArtifactSettings& settings, const ModelInfo& info) {
  if (settings.width < 1 || settings.height < 1 || settings.width % info.vae_scale != 0 ||
      settings.height % info.vae_scale != 0)
    return error(ErrorCode::invalid_argument, "the size {}x{} is not a multiple of {}",
                 settings.width, settings.height, info.vae_scale);
  if (settings.batch_size < 1)
    return error(ErrorCode::invalid_argument, "a batch of {} pictures", settings.batch_size);
  diffusion::PictureRequest request;
  request.saving = settings.saving;
  return diffusion::check(request.saving, diffusion::is_guided(request));
}

// What the user left open.
Result<ArtifactSettings> complete(ArtifactSettings settings, const frontend::Checkpoint& checkpoint,
                                  const ModelInfo& info) {
  if (settings.components.empty()) settings.components = info.components;
  int64_t height = info.sample_height, width = info.sample_width;
  const bool is_open = settings.width == 0 || settings.height == 0;
  if (is_open && width == 0 && std::ranges::any_of(settings.components, has_size)) {
    ASSIGN_OR_RETURN(const ModelInfo unet, read_model_info(checkpoint, {"unet"}));
    height = unet.sample_height;
    width = unet.sample_width;
  }
  const auto side = [&](int64_t pixels, int64_t latent) {
    return pixels > 0 ? pixels : (latent > 0 ? latent : kDefaultLatent) * info.vae_scale;
  };
  settings.width = side(settings.width, width);
  settings.height = side(settings.height, height);
  TRY(check(settings, info));
  return settings;
}

std::vector<int64_t> batches(std::string_view component, int64_t pictures) {
  std::vector<int64_t> rows = {pictures};
  if (component == "unet") rows = {2 * pictures, pictures};
  if (component == "text_encoder") rows = {2, 1, pictures};
  if (component == "vae_decoder") rows = {1, pictures};
  if (component == "vae_encoder") rows = {1};
  std::vector<int64_t> distinct;
  for (const int64_t n : rows)
    if (std::ranges::find(distinct, n) == distinct.end()) distinct.push_back(n);
  return distinct;
}

// A request for each way to run a UNet that the settings ask for.
std::vector<ComponentRequest> unet_variants(const ComponentRequest& request,
                                            const diffusion::WorkSaving& saving) {
  std::vector<diffusion::TokenMerging> mergings = {{}};
  if (saving.token_merging.ratio > 0) mergings.push_back(saving.token_merging);
  std::vector<UnetPart> parts = {UnetPart::all};
  if (saving.deep_cache > 1) parts = {UnetPart::all, UnetPart::all_with_deep, UnetPart::shallow};
  std::vector<ComponentRequest> requests;
  for (const diffusion::TokenMerging& merging : mergings)
    for (const UnetPart part : parts) {
      requests.push_back(request);
      requests.back().token_merging = merging;
      requests.back().part = part;
    }
  return requests;
}

std::vector<ComponentRequest> variants(const ComponentRequest& request,
                                       const ArtifactSettings& settings) {
  std::vector<ComponentRequest> requests = {request};
  if (request.component == "unet") requests = unet_variants(request, settings.saving);
  if (!settings.tiling || !has_size(request.component)) return requests;
  for (size_t i = 0, count = requests.size(); i < count; ++i) {
    requests.push_back(requests[i]);
    requests.back().tiling = true;
  }
  return requests;
}

ComponentRequest request_of(const std::string& component, int64_t batch,
                            const ArtifactSettings& settings, const ModelInfo& info) {
  ComponentRequest request{.component = component, .batch = batch};
  const int64_t scale = component == "vae_encoder" ? 1 : info.vae_scale;
  if (has_size(component)) {
    request.height = settings.height / scale;
    request.width = settings.width / scale;
  }
  if (component == "text_encoder" || component == "unet") request.tokens = info.text_tokens;
  // Twice the pictures are the halves of a guided step.
  if (component == "unet") request.repeat = batch / settings.batch_size;
  return request;
}

runtime::ArtifactPlan entry_of(const ComponentRequest& request, const ArtifactSettings& settings,
                               const PrecisionNames& names) {
  const bool is_text = request.component == "text_encoder";
  runtime::PlanOptions options = {{"precision", names.precision}, {"weights", names.weights}};
  for (auto& [key, value] : options_of(request))
    if (!value.empty()) options.emplace_back(key, value);
  return {.component = request.component,
          .height = is_text ? 0 : settings.height,
          .width = is_text ? 0 : settings.width,
          .batch_size = request.batch,
          .options = std::move(options)};
}

// Weights stay where they are: the artifact names the model's folder and each file inside it.
ModelInfo portable(ModelInfo info, const std::string& folder, const WrittenArtifact& written) {
  for (auto& [part, file] : info.weights) file = fs::relative(file, folder).string();
  info.components.clear();
  for (const WrittenPlan& plan : written.plans)
    if (std::ranges::find(info.components, plan.request.component) == info.components.end())
      info.components.push_back(plan.request.component);
  if (!info.tokenizer_folder.empty()) info.tokenizer_folder = "tokenizer";
  if (!info.scheduler_config.empty()) info.scheduler_config = "scheduler/scheduler_config.json";
  return info;
}

// The folder that a single file is in, or a folder itself.
std::string folder_of(const std::string& model) {
  const fs::path whole = fs::canonical(model);
  return (fs::is_directory(whole) ? whole : whole.parent_path()).string();
}

Result<std::vector<runtime::ArtifactFile>> files_of(const ModelInfo& info,
                                                    const ModelInfo& written) {
  std::vector<runtime::ArtifactFile> files;
  files.push_back({.path = kModelFile, .bytes = to_json(written).dump(2) + "\n"});
  if (!info.scheduler_config.empty()) {
    ASSIGN_OR_RETURN(std::string text, diffusion::read_scheduler_text(info.scheduler_config));
    files.push_back({.path = written.scheduler_config, .bytes = std::move(text)});
  }
  if (info.tokenizer_folder.empty()) return files;
  ASSIGN_OR_RETURN(auto tokenizer, diffusion::read_tokenizer_files(info.tokenizer_folder));
  for (auto& [name, text] : tokenizer)
    files.push_back({.path = fmt::format("tokenizer/{}", name), .bytes = std::move(text)});
  return files;
}

// All plans, and the objects of their kernels by symbol.
struct Contents {
  WrittenArtifact written;
  std::vector<runtime::ArtifactPlan> entries;
  std::map<std::string, std::string> objects;
  bool has_matrices = false;
};

// One processor's part of an artifact.
struct Built {
  runtime::ArtifactCode code;
  runtime::CodeContents contents;
  WrittenArtifact written;
};

// Does any kernel load, multiply or store matrices?
bool have_matrices(const std::vector<lower::LoweredKernel>& kernels) {
  bool found = false;
  const auto look = [&](const kernel::Expr& e) {
    found = found || kernel::matrix_place(e).has_value() ||
            (e->kind == kernel::ExprKind::call && e->intrinsic == kernel::Intrinsic::matrix_dot);
  };
  for (const lower::LoweredKernel& one : kernels)
    kernel::for_each_stmt(one.kernel.body, [&](const kernel::Stmt& s) {
      for (const kernel::Expr& e : kernel::own_expressions(s)) kernel::for_each_node(e, look);
    });
  return found;
}

// What code without matrices needs, whatever the processor that it is for has.
Target needed_by(const Contents& contents, Target target) {
  if (!contents.has_matrices) target.bf16_matrices = {};
  return target;
}

Result<Contents> compile_all(const Compiler& compiler, const frontend::Checkpoint& checkpoint,
                             const ArtifactSettings& settings, const ModelInfo& info) {
  Contents contents;
  std::vector<ComponentRequest> requests;
  for (const std::string& component : settings.components)
    for (const int64_t batch : batches(component, settings.batch_size))
      for (const ComponentRequest& request :
           variants(request_of(component, batch, settings, info), settings))
        requests.push_back(request);
  for (const ComponentRequest& request : requests) {
    ASSIGN_OR_RETURN(ComponentObjects compiled, compile_objects(compiler, checkpoint, request));
    contents.has_matrices = contents.has_matrices || have_matrices(compiled.kernels);
    for (KernelObject& object : compiled.objects)
      contents.objects.emplace(std::move(object.symbol), std::move(object.bytes));
    contents.entries.push_back(entry_of(request, settings, names_of(compiler.precision)));
    contents.written.plans.push_back({compiler.target.cpu, request, std::move(compiled.plan)});
  }
  return contents;
}

Result<Built> build(const Compiler& compiler, const frontend::Checkpoint& checkpoint,
                    const ArtifactSettings& settings, const ModelInfo& info) {
  ASSIGN_OR_RETURN(Contents contents, compile_all(compiler, checkpoint, settings, info));
  const BackendRow& backend = backend_of(compiler.target);
  Built built{.written = std::move(contents.written)};
  std::vector<std::string> bytes;
  for (auto& [symbol, object] : contents.objects) bytes.push_back(std::move(object));
  ASSIGN_OR_RETURN(built.contents.code, backend.link(bytes, compiler.target));
  for (const WrittenPlan& plan : built.written.plans) built.contents.plans.push_back(plan.plan);
  ASSIGN_OR_RETURN(built.code.target,
                   backend.artifact_target(needed_by(contents, compiler.target)));
  built.code.plans = std::move(contents.entries);
  built.code.code_file = backend.code_file;
  built.written.kernels = bytes.size();
  built.written.code_bytes = static_cast<int64_t>(built.contents.code.size());
  return built;
}

// One compiler a processor of options.cpu.
Result<std::vector<Compiler>> make_compilers(const CompileOptions& options) {
  std::vector<Compiler> compilers;
  for (const std::string_view cpu : split_at_commas(options.cpu)) {
    CompileOptions own = options;
    own.cpu = cpu;
    ASSIGN_OR_RETURN(Compiler compiler, make_compiler(std::move(own)));
    const auto same = [&](const Compiler& c) { return c.target.cpu == compiler.target.cpu; };
    if (std::ranges::any_of(compilers, same))
      return error(ErrorCode::invalid_argument, "--cpu {} names {} twice", quote(options.cpu),
                   compiler.target.cpu);
    compilers.push_back(std::move(compiler));
  }
  return compilers;
}

void add(WrittenArtifact& sum, const WrittenArtifact& part) {
  sum.plans.insert(sum.plans.end(), part.plans.begin(), part.plans.end());
  sum.kernels += part.kernels;
  sum.code_bytes += part.code_bytes;
}

}  // namespace

Result<WrittenArtifact> write_model_artifact(const std::string& model, const std::string& folder,
                                             const ArtifactSettings& asked,
                                             CompileOptions options) {
  ASSIGN_OR_RETURN(frontend::Checkpoint checkpoint, open_checkpoint(model, options.files));
  checkpoint.taesd_file = options.taesd;
  ASSIGN_OR_RETURN(const std::vector<Compiler> compilers, make_compilers(options));
  if (asked.packed_weights && compilers.size() > 1)
    return error(ErrorCode::invalid_argument,
                 "weights are packed for one processor, but --cpu {} names {}; leave "
                 "--packed-weights out or name one",
                 quote(options.cpu), compilers.size());
  ASSIGN_OR_RETURN(ModelInfo info, read_model_info(checkpoint, asked.components));
  info.text_tokens = text_length(checkpoint, info);
  info.prefers_ema = options.files.prefers_ema.value_or(false);
  TRY(check_taesd(options.taesd, info));
  if (!options.taesd.empty()) info.weights["taesd"] = options.taesd;
  ASSIGN_OR_RETURN(const ArtifactSettings settings, complete(asked, checkpoint, info));

  ASSIGN_OR_RETURN(Built first, build(compilers[0], checkpoint, settings, info));
  WrittenArtifact written = std::move(first.written);
  runtime::Artifact artifact{.tempera_version = kVersion,
                             .model = info.name,
                             .target = std::move(first.code.target),
                             .plans = std::move(first.code.plans),
                             .code_file = std::move(first.code.code_file),
                             .weights = folder_of(model)};
  std::vector<runtime::CodeContents> others;
  for (size_t i = 1; i < compilers.size(); ++i) {
    ASSIGN_OR_RETURN(Built other, build(compilers[i], checkpoint, settings, info));
    artifact.others.push_back(std::move(other.code));
    others.push_back(std::move(other.contents));
    add(written, other.written);
  }
  ASSIGN_OR_RETURN(auto files, files_of(info, portable(info, artifact.weights, written)));
  if (settings.packed_weights) {
    ASSIGN_OR_RETURN(const auto packed,
                     packed_files(checkpoint, first.contents.plans, first.contents.code,
                                  compilers[0].options, artifact));
    files.insert(files.end(), packed.begin(), packed.end());
  }
  TRY(runtime::write_artifact(folder, artifact, first.contents.plans, first.contents.code, files,
                              others));
  return written;
}

}  // namespace tempera::api
