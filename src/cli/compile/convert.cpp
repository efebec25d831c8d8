#include "api/compile/convert.h"

#include <memory>

#include "cli/command.h"
#include "cli/flags.h"
#include "cli/output.h"

namespace tempera::cli {
namespace {

struct Flags {
  std::string model, folder, dtype;
  bool json = false;
  ModelFilesFlags files;
};

Result<std::optional<DType>> parse_dtype(const std::string& text) {
  if (text.empty()) return std::optional<DType>();
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32})
    if (name(dtype) == text) return std::optional(dtype);
  return error(ErrorCode::invalid_argument, "--dtype is '{}', expected f16, bf16 or f32", text);
}

Status convert(const Flags& flags) {
  ASSIGN_OR_RETURN(const std::optional<DType> dtype, parse_dtype(flags.dtype));
  ASSIGN_OR_RETURN(const api::Converted converted,
                   api::convert_checkpoint(flags.model, flags.folder, dtype, flags.files.files()));
  Json parts = Json::array();
  for (const api::ConvertedPart& part : converted.parts) {
    parts.push_back({{"name", part.name}, {"tensors", part.tensors}, {"bytes", part.bytes}});
    if (!flags.json)
      print(fmt::format("{:<14}{:>8} tensors{:>12}", part.name, part.tensors,
                        bytes_text(part.bytes)));
  }
  if (flags.json)
    print(Json{{"folder", flags.folder}, {"family", converted.family}, {"parts", parts}});
  else
    print(fmt::format("wrote {}, {}", flags.folder, converted.family));
  return {};
}

}  // namespace

void add_convert(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand("convert", "Write a checkpoint as a diffusers folder");
  auto flags = std::make_shared<Flags>();
  app->add_option("MODEL", flags->model, "A checkpoint in one file, or a diffusers folder")
      ->type_name("PATH")
      ->required();
  app->add_option("-o,--output", flags->folder, "The folder to write")
      ->type_name("DIR")
      ->required();
  app->add_option("--dtype", flags->dtype, "Weights as f16, bf16 or f32 [as they are stored]")
      ->type_name("NAME");
  flags->files.add(*app);
  app->add_flag("--json", flags->json, "Print the result as JSON");
  app->footer(
      "Examples:\n"
      "  tempera convert dreamshaper_8.safetensors -o dreamshaper-8\n"
      "  tempera convert v2-1_768-ema-pruned.ckpt -o sd2 --dtype f16 --vae new.vae.pt");
  app->callback([flags, &action] { action = [flags] { return convert(*flags); }; });
}

}  // namespace tempera::cli
