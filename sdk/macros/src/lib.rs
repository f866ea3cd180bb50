//! `#[plugin]`: exports a type as a component and binds it to its `plugin.toml`.

mod manifest;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, Path, Token, parse_macro_input, punctuated::Punctuated};

/// The roles, and the module of the SDK that has the bindings of each.
const ROLES: [(&str, &str); 13] = [
    ("follow_up", "follow_up"),
    ("migration", "follow_up::migration"),
    ("pathway", "pathway"),
    ("panel", "panel"),
    ("prescribing", "prescribing"),
    ("payment", "payment"),
    ("verifier", "verifier"),
    ("eligibility", "insurance::eligibility"),
    ("preauthorization", "insurance::preauthorization"),
    ("claims", "insurance::claims"),
    ("reconciliation", "insurance::reconciliation"),
    ("capitation", "capitation"),
    ("pricing", "pricing"),
];

/// Exports a unit struct for one or more interfaces: `#[plugin(pathway, prescribing)]`,
/// `#[plugin(eligibility, claims)]`. The struct implements the trait of each.
///
/// The crate's `plugin.toml` is read and checked at compile time: required fields, that its
/// version is the crate's, and that its capabilities exist. It is embedded in the module as the
/// custom section `xinglin:manifest.toml`.
#[proc_macro_attribute]
pub fn plugin(roles: TokenStream, item: TokenStream) -> TokenStream {
    let roles = parse_macro_input!(roles with Punctuated::<Ident, Token![,]>::parse_terminated);
    let item = parse_macro_input!(item as DeriveInput);
    let exported = expand(&roles, &item).unwrap_or_else(|error| error.to_compile_error());
    quote!(#item #exported).into()
}

fn expand(roles: &Punctuated<Ident, Token![,]>, item: &DeriveInput) -> syn::Result<Tokens> {
    let modules = check_roles(roles, item)?;
    let manifest = manifest::read().map_err(|message| syn::Error::new(Span::call_site(), message))?;
    let name = &item.ident;
    let exports = modules.iter().map(
        |module| quote!(::xinglin_sdk::#module::bindings::export!(Export with_types_in ::xinglin_sdk::#module::bindings);),
    );
    let export = if manifest.logs { quote!(::xinglin_sdk::panics::Loud<super_::#name>) } else { quote!(super_::#name) };
    let module = format_ident!("__xinglin_export_{}", name.to_string().to_lowercase());
    let length = manifest.text.len();
    Ok(quote! {
        impl ::xinglin_sdk::Plugin for #name {
            const MANIFEST: &'static str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
        }

        #[cfg(target_family = "wasm")]
        #[doc(hidden)]
        #[allow(unsafe_code, missing_docs, clippy::all)]
        mod #module {
            use super as super_;
            type Export = #export;
            #(#exports)*

            #[used]
            #[unsafe(link_section = "xinglin:manifest.toml")]
            static MANIFEST: [u8; #length] =
                *include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin.toml"));
        }
    })
}

/// The modules of the roles.
fn check_roles(roles: &Punctuated<Ident, Token![,]>, item: &DeriveInput) -> syn::Result<Vec<Path>> {
    let known = ROLES.map(|(role, _)| role).join(", ");
    if roles.is_empty() {
        return Err(syn::Error::new(
            Span::call_site(),
            format!("say what the plugin is, for example `#[plugin(pathway)]`; the roles are {known}"),
        ));
    }
    let (mut seen, mut modules) = (Vec::<&Ident>::new(), Vec::new());
    for role in roles {
        let Some((_, module)) = ROLES.iter().find(|(known, _)| role == known) else {
            return Err(syn::Error::new(role.span(), format!("there is no role `{role}`; the roles are {known}")));
        };
        if seen.contains(&role) {
            return Err(syn::Error::new(role.span(), format!("the role `{role}` is given twice")));
        }
        seen.push(role);
        modules.push(syn::parse_str(module)?);
    }
    let is_unit = matches!(&item.data, Data::Struct(data) if matches!(data.fields, Fields::Unit));
    if !is_unit || !item.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            item,
            format!(
                "a plugin keeps no state between calls, so its type has none: write `pub struct {};` \
                 and keep what must last in the pathway's `State` or in `xinglin_sdk::kv`",
                item.ident
            ),
        ));
    }
    Ok(modules)
}
