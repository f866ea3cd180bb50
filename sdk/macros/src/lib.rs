//! `#[plugin]`: exports a type as a component and binds it to its `plugin.toml`.

mod manifest;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, Ident, Token, parse_macro_input, punctuated::Punctuated};

const ROLES: [&str; 4] = ["pathway", "prescribing", "payment", "verifier"];

/// Exports a unit struct for one or more interfaces: `#[plugin(pathway, prescribing)]`. The
/// struct implements the trait of each.
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
    check_roles(roles, item)?;
    let manifest = manifest::read().map_err(|message| syn::Error::new(Span::call_site(), message))?;
    let name = &item.ident;
    let exports = roles.iter().map(
        |role| quote!(::xinglin_sdk::#role::bindings::export!(Export with_types_in ::xinglin_sdk::#role::bindings);),
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

fn check_roles(roles: &Punctuated<Ident, Token![,]>, item: &DeriveInput) -> syn::Result<()> {
    let known = ROLES.join(", ");
    if roles.is_empty() {
        return Err(syn::Error::new(
            Span::call_site(),
            format!("say what the plugin is, for example `#[plugin(pathway)]`; the roles are {known}"),
        ));
    }
    let mut seen: Vec<&Ident> = Vec::new();
    for role in roles {
        if !ROLES.iter().any(|known| role == known) {
            return Err(syn::Error::new(role.span(), format!("there is no role `{role}`; the roles are {known}")));
        }
        if seen.contains(&role) {
            return Err(syn::Error::new(role.span(), format!("the role `{role}` is given twice")));
        }
        seen.push(role);
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
    Ok(())
}
