#pragma once

#include <string>

#include "api/run/generate.h"
#include "api/run/run_component.h"
#include "base/status.h"
#include "diffusion/image/contact_sheet.h"

namespace tempera::api {

// All tensors of a safetensors file.
Result<NamedValues> read_tensors(const std::string& path);
// The file appears only when it is complete.
Status write_tensors(const std::string& path, const NamedValues& tensors);

// The tensor `latents` of a file, or the only one there; any float dtype becomes f32.
Result<Tensor> read_latents(const std::string& path);
// `latents`, and the steps' as `latents.0`, `latents.1`, ...
Status write_latents(const std::string& path, const Generated& generated);

// All pictures in rows of so many with labels beside them, in the format of the name.
Status write_sheet(const std::string& path, const Generated& generated, int64_t columns,
                   const diffusion::SheetLabels& labels = {}, int quality = 95);

struct PictureFileOptions {
  int quality = 95;         // of JPEG and WebP, 1 to 100; 100 is a lossless WebP
  bool keep_text = true;    // the settings, as the text `parameters`
  std::string record = {};  // the text `tempera`; empty: none
};
// A PNG, JPEG or WebP by the name's extension (PNG without any) that holds the picture's settings.
// The file appears only when it is complete.
Status write_picture(const std::string& path, const GeneratedPicture& picture,
                     const PictureFileOptions& options = {});

// unsupported for a name whose extension is that of another format.
Status check_picture_name(const std::string& path);

}  // namespace tempera::api
